use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use futures_core::stream::BoxStream;
use sqlx::{SqlSafeStr, SqlStr};

use super::event::{Operation, Outcome};
use super::observers::{First, Observers, Running, Watch};
use crate::backend::{Backend, Done, PgBouncer, Statement};
use crate::error::{Error, Result};

/// The connection of an operation, and who watches what it sends. Whatever kysera sends for an operation passes here.
#[doc(hidden)]
pub struct Wire<'c, DB: Backend> {
    conn: &'c mut DB::Connection,
    watch: Option<Watch<'c>>,
    /// What is yet to be told of the operation.
    first: First,
    /// Of which kind a pooler on the way is.
    pooler: Option<PgBouncer>,
}

impl<'c, DB: Backend> Wire<'c, DB> {
    pub(crate) fn new(conn: &'c mut DB::Connection, watch: Option<Watch<'c>>, waited: Duration) -> Self {
        Self { conn, watch, first: First { statement: true, waited }, pooler: None }
    }

    /// The same where there is a pooler on the way.
    pub(crate) fn behind(self, pooler: Option<PgBouncer>) -> Self {
        Self { pooler, ..self }
    }

    /// Of which kind it is.
    pub(crate) fn pooler(&self) -> Option<PgBouncer> {
        self.pooler
    }

    /// A statement has a name, or none, where a pooler knows one kind alone.
    fn named(&self, mut statement: Statement<DB>) -> Statement<DB> {
        if let Some(pooler) = self.pooler {
            statement.persistent = pooler.names_statements();
        }
        statement
    }

    pub(crate) fn reborrow(&mut self) -> Wire<'_, DB> {
        Wire {
            conn: &mut *self.conn,
            watch: self.watch,
            first: std::mem::take(&mut self.first),
            pooler: self.pooler,
        }
    }

    /// The same connection for what is not one of the operation's own statements.
    pub(crate) fn plain(&mut self, method: &'static str) -> Wire<'_, DB> {
        Wire {
            first: self.not_first(),
            conn: &mut *self.conn,
            watch: self.watch.map(|watch| watch.of(Operation::plain(method))),
            pooler: self.pooler,
        }
    }

    /// What is sent on it is not seen.
    pub(crate) fn connection(&mut self) -> &mut DB::Connection {
        self.conn
    }

    /// Whether someone asks for the values of statements.
    pub(crate) fn shows_values(&self) -> bool {
        self.watch.is_some_and(Watch::shows_values)
    }

    /// Who watches.
    pub(crate) fn observers(&self) -> Observers {
        self.watch.map_or(Observers::NONE, Watch::observers)
    }

    /// For what is not one of the operation's own statements.
    pub(super) fn start_as(&mut self, operation: Operation, sql: impl SqlSafeStr) -> Option<Running<'c>> {
        let watch = self.watch?;
        Some(watch.of(operation).start(sql.into_sql_str(), None, self.not_first()))
    }

    /// The operation has waited, and its first statement is yet to come.
    fn not_first(&mut self) -> First {
        First { statement: false, waited: std::mem::take(&mut self.first.waited) }
    }

    fn start(&mut self, sql: &SqlStr, values: Option<Box<[String]>>) -> Option<Running<'c>> {
        let watch = self.watch?;
        Some(watch.start(sql.clone(), values, std::mem::take(&mut self.first)))
    }

    /// Runs a statement and hands its rows over as they come.
    pub(crate) fn fetch(&mut self, statement: Statement<DB>) -> Rows<'_, DB> {
        let mut statement = self.named(statement);
        let running = self.start(&statement.sql, statement.shown.take());
        Rows { running, rows: DB::fetch(self.conn, statement) }
    }

    /// Runs a statement that reads one row at most.
    pub(crate) async fn fetch_optional(&mut self, statement: Statement<DB>) -> Result<Option<DB::Row>> {
        let mut statement = self.named(statement);
        let running = self.start(&statement.sql, statement.shown.take());
        let work = DB::fetch_optional(self.conn, statement);
        observed(running, async { Ok(work.await?) }, |row| u64::from(row.is_some())).await
    }

    /// Runs a statement without rows.
    pub(crate) async fn execute(&mut self, statement: Statement<DB>) -> Result<Done> {
        let mut statement = self.named(statement);
        let running = self.start(&statement.sql, statement.shown.take());
        observed(running, async { Ok(DB::execute(self.conn, statement).await?) }, |done| done.rows).await
    }
}

/// Runs to the end, and tells of it.
pub(super) async fn observed<T>(
    running: Option<Running<'_>>,
    work: impl Future<Output = Result<T>>,
    rows: impl FnOnce(&T) -> u64,
) -> Result<T> {
    let Some(mut running) = running else { return work.await };
    let result = work.await;
    match &result {
        Ok(out) => {
            running.rows = rows(out);
            running.end(Outcome::Done);
        }
        Err(error) => running.end(Outcome::Failed(error)),
    }
    result
}

/// The rows of a statement.
pub(crate) struct Rows<'c, DB: Backend> {
    running: Option<Running<'c>>,
    rows: BoxStream<'c, Result<DB::Row, sqlx::Error>>,
}

impl<DB: Backend> Rows<'_, DB> {
    /// Tells that a row could not be read, after which no more are.
    pub(crate) fn failed(&mut self, error: Error) -> Error {
        if let Some(running) = &mut self.running {
            running.end(Outcome::Failed(&error));
        }
        error
    }
}

impl<DB: Backend> Unpin for Rows<'_, DB> {}

impl<DB: Backend> Stream for Rows<'_, DB> {
    type Item = Result<DB::Row>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let next = this.rows.as_mut().poll_next(cx).map(|next| next.map(|row| row.map_err(Error::from)));
        if let (Some(running), Poll::Ready(next)) = (&mut this.running, &next) {
            match next {
                Some(Ok(_)) => running.rows += 1,
                Some(Err(error)) => running.end(Outcome::Failed(error)),
                None => running.end(Outcome::Done),
            }
        }
        next
    }
}
