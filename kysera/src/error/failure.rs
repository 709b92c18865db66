use std::fmt;
use std::time::Duration;

use super::Driver;

/// A write to several rows met some that do not exist; nothing was written.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} of {asked} {entity} rows not found, at position{} {}", .positions.len(), positions_plural(.positions), positions_text(.positions))]
#[non_exhaustive]
pub struct Missing {
    /// The Rust name of the entity.
    pub entity: &'static str,
    /// How many rows the call named.
    pub asked: usize,
    /// Where in the call's input the missing ones stand, from 0, ascending.
    pub positions: Vec<usize>,
    /// The missing keys, as `Debug` prints them, in the order of `positions`. Part of neither `Display` nor `Debug`.
    pub ids: Vec<String>,
}

impl fmt::Debug for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Missing")
            .field("entity", &self.entity)
            .field("asked", &self.asked)
            .field("positions", &self.positions)
            .finish_non_exhaustive()
    }
}

pub(super) fn two_positions(positions: &Option<(usize, usize)>) -> String {
    positions.map_or_else(String::new, |(first, second)| format!(", at positions {first} and {second}"))
}

fn positions_plural(positions: &[usize]) -> &'static str {
    if positions.len() == 1 { "" } else { "s" }
}

pub(super) fn plural(n: u32) -> &'static str {
    if n == 1 { "" } else { "s" }
}

pub(super) fn budget(spent: bool) -> &'static str {
    if spent { ", for the budget of retries is spent" } else { "" }
}

fn positions_text(positions: &[usize]) -> String {
    const SHOWN: usize = 10;
    let mut text = positions.iter().take(SHOWN).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if positions.len() > SHOWN {
        text.push_str(", ..");
    }
    text
}

/// The state of a transaction or connection forbids the call.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransactionError {
    /// A stream is open on this transaction or connection: read it to its end or drop it first.
    #[error("a stream is open on this transaction or connection: read it to its end or drop it first")]
    StreamOpen,
    /// A savepoint inside is open: use the handle that its closure was given.
    #[error("a savepoint is open inside this transaction: use the handle that its closure was given")]
    SavepointOpen,
    /// The transaction or savepoint of this handle is over.
    #[error("the transaction or savepoint of this handle is over")]
    Finished,
    /// A statement was abandoned in flight on a database where that spoils the connection (MySQL): the transaction
    /// is lost.
    #[error("a statement of this transaction was abandoned in flight: the transaction is lost")]
    Poisoned,
    /// A statement failed and the database aborted the transaction (PostgreSQL); it was rolled back instead of
    /// committed.
    #[error("a statement of this transaction failed, so it was rolled back instead of committed")]
    Failed,
    /// The connection broke during COMMIT: the database may or may not have committed.
    #[error("the connection broke during COMMIT: whether it happened is unknown ({driver})")]
    OutcomeUnknown {
        /// What the driver said.
        driver: Driver,
    },
}

/// No connection could be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// All connections were busy for longer than the acquire timeout.
    #[error(
        "no connection within {after:?}: {size} of at most {max} connections are open, {waiters} other callers wait"
    )]
    TimedOut {
        /// The acquire timeout.
        after: Duration,
        /// Connections that are open.
        size: u32,
        /// The most that there may be.
        max: u32,
        /// Callers that wait besides this one.
        waiters: usize,
    },
    /// Others wrote to the SQLite file for longer than the acquire timeout. A transaction is open for long, perhaps in the caller
    /// itself, which then waits for itself: what runs within a transaction is given its `tx`, and not the `Db`.
    #[error(
        "no turn to write to the SQLite database within {after:?}: a transaction is open for longer, perhaps the caller's own; \
         what runs within it is given its `tx`, and not the `Db`"
    )]
    NoTurn {
        /// The acquire timeout.
        after: Duration,
    },
    /// A pool of sqlx's own had no connection within its acquire timeout, or could not open one. It does not tell
    /// more.
    #[error("no connection within the acquire timeout of the pool")]
    SqlxTimedOut,
    /// The pool was closed.
    #[error("the pool is closed")]
    Closed,
    /// A [`Shutdown`](crate::infra::Shutdown) has begun. What was begun before goes on.
    #[error("the program ends, and the database takes no new work: ask another instance")]
    ShuttingDown,
    /// All replicas are left out for the moment, and the primary is not asked instead: see
    /// [`fall_back_to_primary`](crate::source::ClusterBuilder::fall_back_to_primary).
    #[error("no replica can be used, of {}: {}", .why.len(), .why.join("; "))]
    NoReplica {
        /// Each replica's name, and why it is left out.
        why: Vec<String>,
    },
    /// No replica has come as far as was asked for, and the primary is not asked instead: see
    /// [`Replica::at_least`](crate::Replica::at_least).
    #[error("no replica, of {replicas}, has come to the position within {waited:?}")]
    Behind {
        /// How many there are.
        replicas: usize,
        /// How long it was waited for.
        waited: Duration,
    },
}

/// A [`Breaker`](crate::infra::Breaker) did not let a call through. Nothing was tried.
///
/// Not [transient](super::Error::is_transient): the breaker is there so that nobody tries.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BreakerError {
    /// There were too many failures, and a pause has begun.
    #[error("the database failed too often and is left alone: try again in {}", seconds(*retry_after))]
    Open {
        /// What is left of the pause: what belongs into a `Retry-After`.
        retry_after: Duration,
    },
    /// The pause is over, and another call tries whether the database is back.
    #[error("the database failed too often, and another call tries whether it is back: wait for that one")]
    Trial,
    /// [`Breaker::force_open`](crate::infra::Breaker::force_open) was called.
    #[error("the circuit breaker was opened by hand, and stays open until `reset`")]
    Forced,
}

/// The deadline of a source passed; see [`Db::with_deadline`](crate::Db::with_deadline).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}the deadline of {allowed:?} {}", of_entity(.entity), stage.describe())]
#[non_exhaustive]
pub struct DeadlineError {
    /// The Rust name of the entity whose operation it was, if one was involved.
    pub entity: Option<&'static str>,
    /// How much time there was, from the call of `with_deadline` on.
    pub allowed: Duration,
    /// What was going on.
    pub stage: DeadlineStage,
}

/// What was going on when a deadline passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeadlineStage {
    /// The operation waited for a connection. Nothing was sent.
    Connection,
    /// The operation waited for its turn to write to a file of SQLite, while others wrote. Nothing was sent.
    Turn,
    /// The deadline had passed when the operation began, or it passed while the operation waited for its turn. Nothing was
    /// sent.
    Before,
    /// A statement was in flight. In a transaction it is rolled back; a write outside of one may have happened.
    Running,
    /// The transaction was complete, and COMMIT not sent yet. It was rolled back.
    Commit,
}

impl DeadlineStage {
    /// Its name in JSON.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            DeadlineStage::Connection => "connection",
            DeadlineStage::Turn => "turn",
            DeadlineStage::Before => "before",
            DeadlineStage::Running => "running",
            DeadlineStage::Commit => "commit",
        }
    }

    const fn describe(self) -> &'static str {
        match self {
            DeadlineStage::Connection => "passed while a connection was waited for: nothing was sent",
            DeadlineStage::Turn => "passed while others wrote to the SQLite database: nothing was sent",
            DeadlineStage::Before => "passed before anything was sent",
            DeadlineStage::Running => {
                "passed while a statement was in flight: it may have happened, unless it was part of a transaction"
            }
            DeadlineStage::Commit => "passed before COMMIT: the transaction was rolled back",
        }
    }
}

fn of_entity(entity: &Option<&'static str>) -> String {
    entity.map_or_else(String::new, |entity| format!("{entity}: "))
}

/// Readable also for nanoseconds.
fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

/// A failure of the database or of the way to it that has no variant of its own in [`Error`](super::Error).
pub struct DatabaseFailure {
    pub(crate) entity: Option<&'static str>,
    pub(crate) driver: Driver,
}

impl DatabaseFailure {
    /// The Rust name of the entity whose statement failed, if one was involved.
    pub fn entity(&self) -> Option<&'static str> {
        self.entity
    }

    /// The error as sqlx reported it. Its text may contain values.
    pub fn as_sqlx(&self) -> &sqlx::Error {
        self.driver.as_sqlx()
    }

    pub(crate) fn into_driver(self) -> Driver {
        self.driver
    }
}

impl fmt::Display for DatabaseFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(entity) = self.entity {
            write!(f, "{entity}: ")?;
        }
        self.driver.fmt(f)
    }
}

impl fmt::Debug for DatabaseFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseFailure({self})")
    }
}

impl std::error::Error for DatabaseFailure {}
