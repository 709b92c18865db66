//! What an error says about the connection that it came through.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::deadline::{Deadline, within};
use crate::backend::{Aftermath, Backend};
use crate::error::{Driver, Error, Result, TransactionError};

/// In which state an operation left its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Everything that was sent has been answered.
    Clean,
    /// The same; the last answer was an error, with this effect on a transaction.
    Refused(Aftermath),
    /// Rows or answers may be left in flight.
    Unread,
    /// The connection failed, or what came through it made no sense.
    Broken,
}

pub(crate) fn verdict<DB: Backend>(end: Result<(), &Error>) -> Verdict {
    let Err(error) = end else { return Verdict::Clean };
    match error.as_sqlx() {
        Some(error) => judge::<DB>(error),
        // Errors of kysera's own come before anything is sent, or after everything was read.
        None => Verdict::Clean,
    }
}

pub(crate) fn judge<DB: Backend>(error: &sqlx::Error) -> Verdict {
    match error {
        sqlx::Error::Database(error) => match DB::aftermath(&**error) {
            Aftermath::Fatal => Verdict::Broken,
            aftermath => Verdict::Refused(aftermath),
        },
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::PoolClosed
        | sqlx::Error::PoolTimedOut => Verdict::Broken,
        // Values are encoded before a statement is sent.
        sqlx::Error::Encode(_) | sqlx::Error::InvalidArgument(_) => Verdict::Clean,
        _ => Verdict::Unread,
    }
}

/// COMMIT, whose outcome is unknown when the connection breaks. Once it is on its way it is waited for somewhat longer than
/// the deadline says, because nobody wants to hear that.
pub(crate) async fn commit<DB: Backend>(conn: &mut DB::Connection, deadline: Option<Deadline>) -> Result<()> {
    let answer = within(deadline.and_then(Deadline::of_commit), pin!(DB::commit(conn))).await;
    let answer = answer.unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())));
    answer.map_err(|error| match judge::<DB>(&error) {
        Verdict::Broken => Error::Transaction(TransactionError::OutcomeUnknown { driver: Driver(error) }),
        _ => error.into(),
    })
}

/// A failure of one connection makes every connection suspect that was last used before it.
pub(crate) struct Trust {
    start: Instant,
    /// Microseconds from `start`, plus one; 0 is never.
    spoiled: AtomicU64,
}

impl Trust {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), spoiled: AtomicU64::new(0) }
    }

    pub(crate) fn spoil(&self) {
        self.spoiled.store(self.micros(Instant::now()) + 1, Ordering::Release);
    }

    pub(crate) fn suspects(&self, used: Instant) -> bool {
        let spoiled = self.spoiled.load(Ordering::Acquire);
        spoiled != 0 && self.micros(used) < spoiled
    }

    fn micros(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.start).as_micros()).unwrap_or(u64::MAX - 1)
    }
}
