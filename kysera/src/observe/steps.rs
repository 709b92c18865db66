//! What begins and ends transactions and savepoints.

use sqlx::SqlStr;

use super::event::Operation;
use super::wire::{Wire, observed};
use crate::backend::{Backend, Dialect, TxOptions};
use crate::error::Result;
use crate::expr::dynamic;

impl<DB: Backend> Wire<'_, DB> {
    /// `BEGIN`
    pub(crate) async fn begin(&mut self, options: TxOptions) -> Result<()> {
        let text = match (DB::DIALECT, options.read_only) {
            (Dialect::Postgres, _) => "BEGIN",
            (Dialect::MySql, _) => "START TRANSACTION",
            (Dialect::Sqlite, false) => "BEGIN IMMEDIATE",
            (Dialect::Sqlite, true) => "BEGIN DEFERRED",
        };
        let running = self.start_as(Operation::plain("begin"), text);
        observed(running, async { Ok(DB::begin(self.connection(), options).await?) }, |()| 0).await
    }

    /// `COMMIT`, which `commit` sends.
    pub(crate) async fn commit(
        &mut self,
        commit: impl AsyncFnOnce(&mut DB::Connection) -> Result<()>,
    ) -> Result<()> {
        let running = self.start_as(Operation::plain("commit"), "COMMIT");
        observed(running, commit(self.connection()), |()| 0).await
    }

    /// `ROLLBACK`
    pub(crate) async fn rollback(&mut self) -> Result<()> {
        let running = self.start_as(Operation::plain("rollback"), "ROLLBACK");
        observed(running, async { Ok(DB::rollback(self.connection()).await?) }, |()| 0).await
    }

    /// `SAVEPOINT kysera_n`
    pub(crate) async fn savepoint(&mut self, n: u32) -> Result<()> {
        self.raw("savepoint", dynamic(format!("SAVEPOINT kysera_{n}"))).await
    }

    /// `RELEASE SAVEPOINT kysera_n`
    pub(crate) async fn release(&mut self, n: u32) -> Result<()> {
        self.raw("release", dynamic(format!("RELEASE SAVEPOINT kysera_{n}"))).await
    }

    /// Undoes a savepoint, and what stands in it.
    pub(crate) async fn rollback_to(&mut self, n: u32) -> Result<()> {
        let sql = format!("ROLLBACK TO SAVEPOINT kysera_{n}; RELEASE SAVEPOINT kysera_{n}");
        self.raw("rollback_to", dynamic(sql)).await
    }

    /// Runs SQL without arguments, unprepared; several statements are allowed.
    async fn raw(&mut self, method: &'static str, sql: SqlStr) -> Result<()> {
        let running = self.start_as(Operation::plain(method), sql.clone());
        observed(running, async { Ok(DB::raw(self.connection(), sql).await?) }, |()| 0).await
    }
}
