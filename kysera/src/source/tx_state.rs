//! What a transaction knows of its connection, and how it brings the two back together after something was cut.
//!
//! The rule for everything below: the books are changed before the statement is sent, and nothing is sent unless the
//! connection was drained. What was cut is then certainly on its way to the server, so that the next use of the
//! handle finds the server where the books say it is, except for the mark "in flight", and reads up to there.

use std::panic::Location;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use super::deadline::{Deadline, within};
use super::lease::Lease;
use super::session::Settings;
use super::verdict::{self, Verdict, verdict};
use crate::backend::{Aftermath, Backend, Standing};
use crate::error::{DeadlineStage, Error, Result, TransactionError};
use crate::observe::{Operation, Wire};

/// Why nothing more can be done in a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dead {
    /// Committed or rolled back by its handle, or ended by user code.
    Finished,
    /// The server rolled it back.
    Failed,
    /// A statement was cut where that spoils the connection.
    Poisoned,
    /// The connection broke.
    Broken,
    /// The deadline passed while something was in flight.
    Late,
}

impl Dead {
    fn error(self) -> Error {
        match self {
            Dead::Finished => finished(),
            Dead::Failed | Dead::Late => failed(),
            Dead::Poisoned => Error::Transaction(TransactionError::Poisoned),
            Dead::Broken => sqlx::Error::Io(std::io::ErrorKind::NotConnected.into()).into(),
        }
    }
}

pub(super) fn finished() -> Error {
    Error::Transaction(TransactionError::Finished)
}

pub(super) fn failed() -> Error {
    Error::Transaction(TransactionError::Failed)
}

pub(super) struct TxState<DB: Backend> {
    pub(super) lease: Lease<DB>,
    /// Who is told of its statements.
    settings: Arc<Settings>,
    /// Where it was begun.
    caller: &'static Location<'static>,
    /// Savepoints on the server, those of cut futures included.
    pub(super) depth: u32,
    /// PostgreSQL: a statement failed with so many savepoints open, and everything is refused until one of them, or
    /// the transaction, is rolled back.
    aborted: Option<u32>,
    /// Only the server knows how the transaction stands.
    doubt: bool,
    /// User code had the connection.
    raw: bool,
    dead: Option<Dead>,
}

impl<DB: Backend> TxState<DB> {
    pub(super) fn new(lease: Lease<DB>, settings: Arc<Settings>, caller: &'static Location<'static>) -> Self {
        Self { lease, settings, caller, depth: 0, aborted: None, doubt: false, raw: false, dead: None }
    }

    /// Brings server and books together at `level`: reads what was left in flight, and undoes savepoints whose future
    /// was dropped.
    pub(super) async fn restore(&mut self, level: u32) -> Result<()> {
        if let Some(dead) = self.dead {
            return Err(dead.error());
        }
        if self.lease.is_broken() {
            return Err(self.die(Dead::Broken));
        }
        if self.lease.is_in_flight() {
            if self.lease.is_cut() {
                return Err(self.die(Dead::Poisoned));
            }
            self.doubt = true;
        }
        if self.doubt {
            self.probe().await?;
        }
        if self.depth > level {
            self.undo(level).await?;
        }
        Ok(())
    }

    /// Before a statement.
    pub(super) async fn enter(&mut self, level: u32) -> Result<()> {
        self.restore(level).await?;
        self.check()
    }

    /// Ends the savepoint at `level`, and keeps what it did.
    pub(super) async fn keep(&mut self, level: u32) -> Result<()> {
        self.restore(level).await?;
        if self.check().is_err() {
            self.undo(level - 1).await?;
            return Err(failed());
        }
        self.release().await
    }

    /// One of these steps has ended, or met the deadline.
    pub(super) fn ended<T>(&mut self, step: Result<Result<T>, Deadline>) -> Result<T> {
        step.unwrap_or_else(|deadline| {
            self.give_up();
            Err(deadline.error(DeadlineStage::Running))
        })
    }

    /// Nothing more can come of it: it is stopped and rolled back in the background.
    pub(super) fn give_up(&mut self) {
        self.die(Dead::Late);
        self.lease.end();
    }

    async fn probe(&mut self) -> Result<()> {
        match self.lease.probe().await {
            Ok(Standing::Open) => self.aborted = None,
            Ok(Standing::Aborted) => self.aborted = Some(self.aborted.unwrap_or(self.depth)),
            Ok(Standing::Gone) => {
                let dead = if self.raw { Dead::Finished } else { Dead::Failed };
                return Err(self.die(dead));
            }
            Err(error) => {
                self.lease.condemn();
                self.die(Dead::Broken);
                return Err(error);
            }
        }
        self.doubt = false;
        self.raw = false;
        Ok(())
    }

    /// Refuses if an earlier statement has spoilt the transaction.
    pub(super) fn check(&self) -> Result<()> {
        if self.aborted.is_some() { Err(failed()) } else { Ok(()) }
    }

    pub(super) fn die(&mut self, dead: Dead) -> Error {
        self.dead.get_or_insert(dead).error()
    }

    pub(super) async fn savepoint(&mut self) -> Result<u32> {
        self.depth += 1;
        let n = self.depth;
        let result = self.wire().savepoint(n).await;
        self.noted(result)?;
        Ok(n)
    }

    /// Keeps what the innermost savepoint did.
    pub(super) async fn release(&mut self) -> Result<()> {
        let n = self.depth;
        self.depth = n.saturating_sub(1);
        let result = self.wire().release(n).await;
        self.noted(result)
    }

    /// Undoes everything beyond `level` savepoints.
    pub(super) async fn undo(&mut self, level: u32) -> Result<()> {
        let n = level + 1;
        self.depth = level;
        let aborted = self.aborted.take().filter(|at| *at <= level);
        let undone = self.wire().rollback_to(n).await;
        let undone = self.noted(undone);
        if undone.is_err() && self.dead.is_none() {
            // What should be gone may still be there.
            return Err(self.die(Dead::Failed));
        }
        if self.aborted.is_none() {
            self.aborted = aborted;
        }
        undone
    }

    /// The connection, for what begins and ends savepoints and the transaction.
    fn wire(&mut self) -> Wire<'_, DB> {
        let operation = Operation::plain("transaction");
        let watch = self.settings.observers.watch(operation, DB::DIALECT, self.caller);
        Wire::new(&mut *self.lease, watch, Duration::ZERO)
    }

    fn noted(&mut self, result: Result<()>) -> Result<()> {
        self.note(verdict::<DB>(result.as_ref().map(drop)), false);
        result
    }

    /// An operation ended. `undone`: its own savepoint was rolled back, and an abort within it with that.
    pub(super) fn note(&mut self, verdict: Verdict, undone: bool) {
        self.lease.note(verdict);
        match verdict {
            Verdict::Refused(Aftermath::Aborted) if !undone => {
                self.aborted = Some(self.aborted.map_or(self.depth, |at| at.min(self.depth)));
            }
            Verdict::Refused(Aftermath::Gone) => {
                self.die(Dead::Failed);
            }
            Verdict::Refused(Aftermath::Unknown) => self.doubt = true,
            Verdict::Broken => {
                self.die(Dead::Broken);
            }
            _ => {}
        }
    }

    /// User code gets the connection: whatever it does, the server is asked afterwards.
    pub(super) fn lend(&mut self) {
        self.doubt = true;
        self.raw = true;
    }

    pub(super) fn close_unit(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.aborted = self.aborted.filter(|at| *at <= self.depth);
    }

    /// COMMIT, or what has to be done instead.
    pub(super) async fn commit(&mut self) -> Result<()> {
        let deadline = self.lease.deadline();
        let ready = within(deadline, pin!(self.enter(0))).await.and_then(|ready| match deadline {
            Some(deadline) if deadline.has_passed() => Err(deadline),
            _ => Ok(ready),
        });
        let result = match ready {
            Ok(Ok(())) => {
                let commit = async |conn: &mut DB::Connection| verdict::commit::<DB>(conn, deadline).await;
                let result = self.wire().commit(commit).await;
                self.lease.finish(result)
            }
            Ok(Err(error)) => Err(error),
            Err(deadline) => {
                self.give_up();
                return Err(deadline.error(DeadlineStage::Commit));
            }
        };
        match &result {
            Ok(()) => self.lease.mark_ended(),
            // Here and now, so that a second try does not race with the clean-up. The first error is the one that counts.
            Err(_) => drop(within(deadline, pin!(self.clean_up())).await),
        }
        self.end();
        result
    }

    pub(super) async fn rollback(&mut self) -> Result<()> {
        let deadline = self.lease.deadline();
        let result = match self.dead {
            Some(Dead::Finished) => Err(finished()),
            // Which is what was asked for.
            Some(Dead::Late) => Ok(()),
            _ if deadline.is_some_and(Deadline::has_passed) => Ok(()),
            // What is still in flight then goes on in the background.
            _ => within(deadline, pin!(self.clean_up())).await.unwrap_or(Ok(())),
        };
        self.end();
        result
    }

    async fn clean_up(&mut self) -> Result<()> {
        if self.lease.is_broken() || self.lease.is_cut() {
            return Ok(()); // it will be closed, and the server rolls back by itself
        }
        if self.dead.is_none() && !self.doubt && !self.lease.is_in_flight() {
            let result = self.wire().rollback().await;
            if self.lease.finish(result).is_ok() {
                self.lease.mark_ended();
                return Ok(());
            }
        }
        self.lease.recover().await
    }

    /// Gives the connection back.
    pub(super) fn end(&mut self) {
        self.dead = Some(Dead::Finished);
        self.lease.end();
    }
}
