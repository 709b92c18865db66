use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::cache::{Held, Shared, is_alive};
use super::deadline::Deadline;
use super::verdict::{Verdict, verdict};
use super::writers::Turn;
use super::{Bracket, SourceGuard, Unit};
use crate::backend::{Backend, Interrupt, Standing};
use crate::error::{Error, Result};

/// A connection of a [`Db`](super::Db), lent for a while.
///
/// Where it goes when it is dropped depends on how it was left: clean ones to the next caller, those with a statement
/// in flight or a transaction open through a recovery of bounded length, and those that cannot be recovered are closed.
pub struct Lease<DB: Backend> {
    slot: Slot<DB>,
    flight: bool,
    /// What is in flight are whole rows, which the driver reads past by itself.
    rows_left: bool,
    begun: bool,
    broken: bool,
    /// It belongs to a [`Tx`](super::Tx).
    transaction: bool,
    /// Until when its borrower may use it.
    deadline: Option<Deadline>,
}

/// Closes what is still in it.
pub(super) struct Slot<DB: Backend> {
    shared: Arc<Shared<DB>>,
    held: Option<Held<DB>>,
}

impl<DB: Backend> Drop for Slot<DB> {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            self.shared.close_held(held);
        }
    }
}

impl<DB: Backend> Slot<DB> {
    pub(super) fn new(shared: Arc<Shared<DB>>, held: Held<DB>) -> Self {
        Self { shared, held: Some(held) }
    }

    /// Runs in a task of its own.
    pub(super) async fn test(mut self) {
        let Some(held) = &mut self.held else { return };
        if !is_alive::<DB>(&mut held.conn).await {
            return self.shared.trust.spoil();
        }
        if let Some(held) = self.held.take() {
            self.shared.tested(held);
        }
    }

    /// Runs in a task of its own. `stop`: nobody wants what runs there.
    async fn recover(mut self, begun: bool, stop: bool) {
        let Some(held) = &mut self.held else { return };
        if stop && !self.shared.stop_statement(held).await {
            return self.shared.trust.spoil();
        }
        let recovery = DB::recover(&mut held.conn, begun);
        let clean = match self.shared.recover {
            Some(bound) => matches!(timeout(bound, recovery).await, Ok(Ok(()))),
            None => recovery.await.is_ok(),
        };
        if !clean {
            return self.shared.trust.spoil();
        }
        if let Some(held) = self.held.take() {
            self.shared.recovered.fetch_add(1, Ordering::Relaxed);
            self.shared.release(held);
        }
    }
}

impl<DB: Backend> Lease<DB> {
    pub(super) fn new(shared: Arc<Shared<DB>>, held: Held<DB>) -> Self {
        Self {
            slot: Slot::new(shared, held),
            flight: false,
            rows_left: false,
            begun: false,
            broken: false,
            transaction: false,
            deadline: None,
        }
    }

    /// Lends it until then, and learns how to stop what will run on it: one round trip for each time that the connection
    /// comes out of sqlx's pool. Behind a pooler it is not `known` on which session that will be, and a statement of someone
    /// else's might be stopped.
    pub(super) async fn limit(&mut self, deadline: Deadline, known: bool) -> Result<()> {
        self.deadline = Some(deadline);
        if !known || self.held().interrupt.is_some() {
            return Ok(());
        }
        let interrupt = DB::interrupt(&mut *self).await.map_err(Error::from);
        match self.finish(interrupt) {
            Ok(interrupt) => self.held_mut().interrupt = Some(interrupt),
            // It works, and will be drained or closed without.
            Err(error) if !self.broken && !self.flight => drop(error),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Nobody else writes until the connection is clean again.
    pub(super) fn writes(&mut self, turn: Option<Turn>) {
        self.held_mut().turn = turn;
    }

    pub(super) fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    /// The connection went back already.
    pub(super) fn has_ended(&self) -> bool {
        self.slot.held.is_none()
    }

    #[allow(clippy::expect_used, reason = "taken by methods that end the lease alone")]
    fn held(&self) -> &Held<DB> {
        self.slot.held.as_ref().expect("the lease has ended")
    }

    #[allow(clippy::expect_used, reason = "taken by methods that end the lease alone")]
    fn held_mut(&mut self) -> &mut Held<DB> {
        self.slot.held.as_mut().expect("the lease has ended")
    }

    pub(super) fn used(&self) -> Instant {
        self.held().used
    }

    /// For a connection that never left the cache's hands.
    pub(super) fn into_held(mut self) -> Option<Held<DB>> {
        self.slot.held.take()
    }

    /// A statement may be in flight.
    pub(super) fn is_in_flight(&self) -> bool {
        self.flight
    }

    /// Something is in flight that cannot be read to its end.
    pub(super) fn is_cut(&self) -> bool {
        self.flight && !self.rows_left && !DB::DRAINS
    }

    /// A stream was dropped between two rows.
    pub(super) fn leave_rows(&mut self) {
        self.rows_left = true;
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// A BEGIN is about to be sent, or user code gets the connection.
    pub(super) fn mark_begun(&mut self) {
        self.begun = true;
    }

    /// The transaction is over, and the server said so.
    pub(super) fn mark_ended(&mut self) {
        self.begun = false;
    }

    /// Nothing more can come of it.
    pub(super) fn condemn(&mut self) {
        self.broken = true;
    }

    pub(super) fn note(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Clean | Verdict::Refused(_) => self.flight = false,
            Verdict::Unread => {}
            Verdict::Broken => {
                self.broken = true;
                self.slot.shared.trust.spoil();
            }
        }
    }

    /// Settles one step of the source's own.
    pub(super) fn finish<T>(&mut self, result: Result<T>) -> Result<T> {
        self.note(verdict::<DB>(result.as_ref().map(drop)));
        result
    }

    /// Rolls back and cleans up here and now instead of in a task: the caller's next statement may need the
    /// connection.
    pub(super) async fn recover(&mut self) -> Result<()> {
        let bound = self.slot.shared.recover;
        let result = bounded(bound, DB::recover(&mut *self, true)).await;
        let result = self.finish(result);
        match &result {
            Ok(()) => self.begun = false,
            Err(_) => self.broken = true,
        }
        result
    }

    /// Throws away what an abandoned statement left behind, outside a transaction of kysera's.
    pub(super) async fn resync(&mut self) -> Result<()> {
        let bound = self.patience();
        let result = bounded(bound, DB::resync(&mut *self)).await;
        self.finish(result)
    }

    /// Asks the server how the transaction stands.
    pub(super) async fn probe(&mut self) -> Result<Standing> {
        let bound = self.patience();
        let result = bounded(bound, DB::probe(&mut *self)).await;
        self.finish(result)
    }

    /// Where a connection can be drained, what is left in it comes to an end; elsewhere the answer may never come.
    fn patience(&self) -> Option<Duration> {
        if DB::DRAINS { None } else { self.slot.shared.recover }
    }

    /// User code has given the connection back. What it did is for [`resync`](Self::resync), [`probe`](Self::probe) or
    /// the recovery to find out.
    pub(super) fn returned(&mut self) {
        self.flight = false;
    }

    /// A transaction is open on it, and is until the lease ends.
    pub(super) fn count_transaction(&mut self) {
        self.transaction = true;
        self.slot.shared.transactions.fetch_add(1, Ordering::Relaxed);
    }

    /// Ends the lease without dropping it.
    pub(super) fn end(&mut self) {
        if std::mem::take(&mut self.transaction) {
            self.slot.shared.transactions.fetch_sub(1, Ordering::Relaxed);
        }
        let Some(held) = self.slot.held.take() else { return };
        let shared = self.slot.shared.clone();
        if !self.flight && !self.begun && !self.broken {
            return shared.release(held);
        }
        // A database in memory is gone with its connection: better wait for it.
        let lost = self.broken || (self.flight && !DB::DRAINS);
        let late = self.flight && !self.broken && self.deadline.is_some_and(Deadline::has_passed);
        if lost && let Some(patience) = shared.recover {
            // Where a recovery fails after that time, here nobody has tried one. The network may be gone.
            if held.used.elapsed() > patience {
                shared.trust.spoil();
            }
            return match held.interrupt {
                Some(Interrupt::Session(session)) if late => shared.close_session(held, session),
                _ => shared.close_held(held),
            };
        }
        let runtime = held.runtime.clone();
        let slot = Slot::new(shared, held);
        let begun = self.begun;
        runtime.spawn(async move { slot.recover(begun, late).await });
    }

    /// The connection leaves the pool.
    pub(super) fn detach(mut self) -> Option<DB::Connection> {
        let held = self.slot.held.take()?;
        Some(self.slot.shared.detach(held))
    }
}

async fn bounded<T>(
    bound: Option<Duration>,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T> {
    let result = match bound {
        Some(bound) => timeout(bound, work)
            .await
            .unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))),
        None => work.await,
    };
    result.map_err(Error::from)
}

impl<DB: Backend> Drop for Lease<DB> {
    fn drop(&mut self) {
        self.end();
    }
}

impl<DB: Backend> Deref for Lease<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        &self.held().conn
    }
}

impl<DB: Backend> DerefMut for Lease<DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        self.flight = true;
        self.rows_left = false;
        &mut self.held_mut().conn
    }
}

impl<DB: Backend> SourceGuard<DB> for Lease<DB> {
    fn open_unit(&mut self, unit: Unit) -> Bracket {
        match unit {
            Unit::Statement => Bracket::None,
            Unit::Transaction | Unit::Atomic => {
                self.begun = true;
                Bracket::Transaction
            }
        }
    }

    fn close_unit(&mut self) {
        self.begun = false;
    }

    fn settle(&mut self, end: Result<(), &Error>) {
        self.note(verdict::<DB>(end));
    }

    fn hold_for_stream(&mut self) {}
}

impl<DB: Backend> std::fmt::Debug for Lease<DB> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lease")
            .field("flight", &self.flight)
            .field("begun", &self.begun)
            .field("broken", &self.broken)
            .finish_non_exhaustive()
    }
}
