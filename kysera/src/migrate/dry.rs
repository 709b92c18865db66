//! What would be done, tried in a transaction that is rolled back.

use std::time::Instant;

use super::plan::{self, Rules, Target};
use super::report::{DryRun, Tried, TriedStatement};
use super::script::{self, Statement};
use super::session::Session;
use super::set::{Body, Entry, Set, place};
use super::step::Failure;
use crate::backend::Backend;
use crate::error::{Direction, MigrationError, Result};
use crate::expr::dynamic;

const OUTSIDE: &str = "it cannot run in a transaction";
const ENDS: &str = "it begins or ends a transaction";

/// What is pending, without trying it.
pub(super) fn plan<DB: Backend>(pending: &[&Entry<DB>]) -> DryRun {
    let migrations = pending.iter().map(|entry| {
        let script = entry.script(true).map_or("", |script| script.sql.as_str());
        let statements = script::split(DB::DIALECT, script);
        let of = statements.len();
        let tried = statements.iter().enumerate().map(|(at, statement)| TriedStatement {
            statement: place(DB::DIALECT, statement, at, of),
            took: None,
            why: None,
        });
        tried_of(entry, tried.collect())
    });
    DryRun { executed: false, migrations: migrations.collect() }
}

fn tried_of<DB: Backend>(entry: &Entry<DB>, statements: Vec<TriedStatement>) -> Tried {
    Tried {
        version: entry.version,
        description: entry.description.clone(),
        meta: entry.meta.clone(),
        statements,
    }
}

impl<DB: Backend> Session<'_, DB> {
    /// Begins, tries everything that is pending, and rolls back.
    pub(super) async fn dry_run(&mut self, set: &Set<DB>, rules: Rules, target: Target) -> Result<DryRun> {
        // Outside of the transaction, which would not survive a table that is not there.
        let there = self.books.read::<DB>(&mut self.conn).await?.is_some();
        let applied = if there { self.enter().await? } else { Vec::new() };
        if !there {
            self.begin().await?;
            self.books.create::<DB>(&mut self.conn).await?;
        }
        let pending = plan::pending(set, &applied, rules, target)?;
        pending.iter().try_for_each(|entry| entry.check(true))?;
        let mut migrations = Vec::new();
        for entry in pending {
            migrations.push(self.try_out(entry).await?);
        }
        self.rollback().await?;
        Ok(DryRun { executed: true, migrations })
    }

    async fn try_out(&mut self, entry: &Entry<DB>) -> Result<Tried> {
        let mark = DB::mark(&mut self.conn).await?;
        let tried = if let Body::Rust(_) = &entry.body {
            let end = self.body(entry, Direction::Up).await;
            end.map_err(|failure| failure.of(entry, Direction::Up, false))?;
            Vec::new()
        } else {
            self.try_script(entry).await.map_err(|failure| failure.of(entry, Direction::Up, false))?
        };
        if !DB::is_marked(&mut self.conn, &mark).await? {
            let (version, description) = (entry.version, entry.description.clone());
            return Err(MigrationError::Escaped { version, description, direction: Direction::Up }.into());
        }
        self.restore_settings().await?;
        self.books.insert::<DB>(&mut self.conn, entry.entered(), -1).await?;
        Ok(tried_of(entry, tried))
    }

    async fn try_script(&mut self, entry: &Entry<DB>) -> Result<Vec<TriedStatement>, Failure> {
        let Some(script) = entry.script(true) else { return Ok(Vec::new()) };
        let statements = script::split(DB::DIALECT, script.sql.as_str());
        let of = statements.len();
        let mut tried = Vec::new();
        for (at, statement) in statements.iter().enumerate() {
            let began = Instant::now();
            let place = place(DB::DIALECT, statement, at, of);
            let why = if script.in_transaction {
                DB::raw(&mut self.conn, dynamic(statement.text)).await.map(|()| None)
            } else {
                self.try_outside(statement).await
            };
            match why {
                Ok(why) => {
                    let took = why.is_none().then(|| began.elapsed());
                    tried.push(TriedStatement { statement: place, took, why });
                }
                Err(error) => return Err(Failure { statement: Some(place), source: error.into() }),
            }
        }
        Ok(tried)
    }

    /// A statement that is meant to run outside of a transaction; some can run within one all the same.
    async fn try_outside(&mut self, statement: &Statement<'_>) -> Result<Option<&'static str>, sqlx::Error> {
        if statement.is_transactional(DB::DIALECT) {
            return Ok(Some(ENDS));
        }
        if statement.is_outside_only(DB::DIALECT) {
            return Ok(Some(OUTSIDE));
        }
        let conn = &mut *self.conn;
        DB::raw(conn, dynamic("SAVEPOINT kysera_dry")).await?;
        match DB::raw(conn, dynamic(statement.text)).await {
            Ok(()) => {
                DB::raw(conn, dynamic("RELEASE SAVEPOINT kysera_dry")).await?;
                Ok(None)
            }
            Err(sqlx::Error::Database(error)) if DB::is_refused_in_transaction(&*error) => {
                DB::raw(conn, dynamic("ROLLBACK TO SAVEPOINT kysera_dry")).await?;
                DB::raw(conn, dynamic("RELEASE SAVEPOINT kysera_dry")).await?;
                Ok(Some(OUTSIDE))
            }
            Err(error) => Err(error),
        }
    }
}
