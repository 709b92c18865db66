//! What can go wrong, and how to tell it apart.
//!
//! Every method of kysera answers [`Error`]. Its [`code`](Error::code) is stable and meant for programs, its
//! message is meant for people, and neither ever contains a value of a row: values may be secrets. The driver's
//! own error, which may well contain values, is behind [`Error::as_sqlx`]; it is part of neither `Display` nor
//! `Debug` nor the chain of sources.
//!
//! What a database tells of a violated constraint differs; see [`Violation`]. A repository adds what its entity
//! declares.
//!
//! ```
//! # #[cfg(not(feature = "sqlite"))]
//! # fn main() {}
//! # #[cfg(feature = "sqlite")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), kysera::Error> {
//! # use sqlx::Connection;
//! use kysera::{Error, ErrorCode};
//!
//! let mut conn = sqlx::SqliteConnection::connect("sqlite::memory:").await?;
//! sqlx::raw_sql("CREATE TABLE users (email TEXT UNIQUE); INSERT INTO users VALUES ('ada@x.org')")
//!     .execute(&mut conn)
//!     .await?;
//!
//! let result = sqlx::query("INSERT INTO users VALUES (?)").bind("ada@x.org").execute(&mut conn).await;
//! let error = Error::from(result.unwrap_err());
//!
//! assert_eq!(error.code(), ErrorCode::UniqueViolation);
//! assert_eq!(error.violation().unwrap().columns(), ["email"]);
//! assert_eq!(error.to_string(), "unique key of table `users` on `email` violated");
//! # Ok(())
//! # }
//! ```

mod audit;
mod code;
mod constraint;
mod convert;
mod cursor;
mod driver;
mod failure;
mod invalid;
mod migration;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
mod serialize;
mod server;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;
mod violation;

use std::borrow::Cow;

pub use audit::AuditError;
pub use code::{ErrorCode, UnknownErrorCode};
pub use constraint::Constraint;
#[doc(hidden)]
pub use constraint::ConstraintFacts;
pub use cursor::CursorError;
pub use driver::Driver;
pub use failure::{
    BreakerError, DatabaseFailure, DeadlineError, DeadlineStage, Missing, PoolError, TransactionError,
};
pub use invalid::{FieldError, Invalid};
pub use migration::{Direction, FailedMigration, FailedStatement, MigrationError};
pub use violation::{Violation, ViolationKind};

use crate::expr::{Action, Columns};

/// The result of everything that kysera does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any error that is not kysera's own.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The row asked for does not exist (or may not be seen).
    #[error("{entity} not found")]
    NotFound {
        /// The Rust name of the entity.
        entity: &'static str,
    },
    /// There are several rows where one was asked for.
    #[error("more than one {entity} found")]
    MoreThanOne {
        /// The Rust name of the entity.
        entity: &'static str,
    },
    /// The database accepted a write and there is no row: a trigger or a rule swallowed it.
    #[error("{entity} was not stored: a trigger or a rule of the database swallowed it")]
    NotStored {
        /// The Rust name of the entity.
        entity: &'static str,
    },
    /// A write to several rows met some that do not exist; nothing was written.
    #[error(transparent)]
    Missing(Box<Missing>),
    /// Two rows of the input have the same key, so that it is not clear which one should win.
    #[error("two of the {entity} rows have the same key{}", failure::two_positions(.positions))]
    SameKey {
        /// The Rust name of the entity.
        entity: &'static str,
        /// Where in the call's input they stand, from 0, if that is known.
        positions: Option<(usize, usize)>,
        /// What the driver said, if it was the database that noticed.
        driver: Option<Driver>,
    },
    /// A constraint of the database was violated.
    #[error(transparent)]
    Violation(Box<Violation>),
    /// Values were refused by the rules on the struct, before any SQL ran.
    #[error(transparent)]
    Invalid(Invalid),
    /// The call itself makes no sense.
    #[error("{0}")]
    BadRequest(Cow<'static, str>),
    /// The cursor of a keyset page does not fit the query. Nothing was sent.
    #[error(transparent)]
    Cursor(CursorError),
    /// The database at hand cannot do what was asked.
    #[error("{backend} cannot do this: {what}")]
    Unsupported {
        /// The database.
        backend: &'static str,
        /// What was asked for, and what to do instead.
        what: Cow<'static, str>,
    },
    /// A query reaches an entity, through a relation, that the source's context may not see. Nothing was sent.
    #[error("{entity} is protected, and this source has not the context that it asks for")]
    Protected {
        /// The Rust name of the entity.
        entity: &'static str,
    },
    /// A row that is to be restored is not marked as deleted.
    #[error("{entity} is not deleted")]
    NotDeleted {
        /// The Rust name of the entity.
        entity: &'static str,
    },
    /// The key of an upsert is taken by a row that is marked as deleted.
    #[error("a {entity} with this key is there, and deleted")]
    Deleted {
        /// The Rust name of the entity.
        entity: &'static str,
    },
    /// The caller may see the row, or gave it, and may not write it so: a rule of its [policy](crate::rls) says so, or a plugin. What
    /// may not be seen does not exist; only an upsert tells that its key is taken.
    #[error("the caller may not {action} this {entity}{}", why(*column, rule.as_deref()))]
    Denied {
        /// The Rust name of the entity.
        entity: &'static str,
        /// What was to be done.
        action: Action,
        /// The name of the rule that is in the way; `None` where no rule allows it.
        rule: Option<Cow<'static, str>>,
        /// The column that may not be written, of rules about one.
        column: Option<&'static str>,
    },
    /// The row has another version than the one that was read: someone else changed it in between.
    #[error("{entity} was changed by someone else")]
    Stale {
        /// The Rust name of the entity.
        entity: &'static str,
    },
    /// A plugin of your own failed.
    #[error("the plugin `{plugin}` of {entity} failed in `{doing}`: {source}")]
    Plugin {
        /// Its name.
        plugin: &'static str,
        /// The method.
        doing: &'static str,
        /// The Rust name of the entity.
        entity: &'static str,
        /// What it said.
        source: Box<Error>,
    },
    /// The audit log cannot give what was asked of it.
    #[error(transparent)]
    Audit(AuditError),
    /// A migration cannot be applied or undone, or the set does not fit the database.
    #[error(transparent)]
    Migration(Box<MigrationError>),
    /// The state of the transaction or connection forbids the call.
    #[error(transparent)]
    Transaction(TransactionError),
    /// No connection could be had.
    #[error(transparent)]
    Pool(PoolError),
    /// The [deadline](crate::Db::with_deadline) of the source passed.
    #[error(transparent)]
    Deadline(DeadlineError),
    /// A row came back with something that the struct cannot hold.
    #[error("column `{column}` of {entity} does not fit its field: {driver}")]
    Decode {
        /// The Rust name of the entity.
        entity: &'static str,
        /// The column's name in the database.
        column: &'static str,
        /// What the driver said.
        driver: Driver,
    },
    /// A value could not be sent.
    #[error("a value cannot be sent to the database: {driver}")]
    Encode {
        /// What the driver said.
        driver: Driver,
    },
    /// Any other failure of the database or of the way to it.
    #[error(transparent)]
    Database(Box<DatabaseFailure>),
    /// A [`Breaker`](crate::infra::Breaker) did not let the call through. Nothing was tried.
    #[error(transparent)]
    Breaker(BreakerError),
    /// [`Retry`](crate::infra::Retry) tried again as often as it may, or as the [deadline](crate::Db::with_deadline) allows, and met
    /// a [transient](Self::is_transient) error each time. Other errors come out of it as they are, also when they come late.
    #[error("gave up after {attempts} attempt{}{}: {source}", failure::plural(*attempts), failure::budget(*out_of_budget))]
    GaveUp {
        /// How often it was tried, the first time included.
        attempts: u32,
        /// Whether there would have been more attempts, had the [budget](crate::infra::RetryBudget) not been spent.
        out_of_budget: bool,
        /// The last error.
        source: Box<Error>,
    },
    /// An error of the caller's own, carried through a transaction; see [`Error::other`].
    #[error(transparent)]
    Other(BoxError),
}

/// What is in the way of a write.
fn why(column: Option<&str>, rule: Option<&str>) -> String {
    match (column, rule) {
        (Some(column), _) => format!(": its `{column}` is not theirs to write"),
        (None, Some(rule)) => format!(": the rule `{rule}` is in the way"),
        (None, None) => ": nothing allows it".into(),
    }
}

impl Error {
    /// Wraps an error of the caller's own, so that a transaction's closure can fail with it;
    /// [`downcast_ref`](Self::downcast_ref) finds it again.
    ///
    /// An error that is kysera's or sqlx's becomes what `?` would have made of it.
    ///
    /// ```
    /// use kysera::Error;
    ///
    /// #[derive(Debug, PartialEq, thiserror::Error)]
    /// #[error("sold out")]
    /// struct SoldOut;
    ///
    /// let error = Error::other(SoldOut);
    /// assert_eq!(error.to_string(), "sold out");
    /// assert_eq!(error.downcast_ref::<SoldOut>(), Some(&SoldOut));
    /// ```
    pub fn other(error: impl Into<BoxError>) -> Self {
        let error = match error.into().downcast::<Error>() {
            Ok(error) => return *error,
            Err(error) => error,
        };
        match error.downcast::<sqlx::Error>() {
            Ok(error) => Error::from(*error),
            Err(error) => Error::Other(error),
        }
    }

    /// The caller's own error, if it is one of this type; see [`other`](Self::other).
    pub fn downcast_ref<T: std::error::Error + 'static>(&self) -> Option<&T> {
        match self {
            Error::Other(error) => error.downcast_ref(),
            Error::Plugin { source, .. } | Error::GaveUp { source, .. } => source.downcast_ref(),
            Error::Migration(error) => error.cause()?.downcast_ref(),
            _ => None,
        }
    }

    /// The caller's own error by value, if it is one of this type; see [`other`](Self::other).
    ///
    /// # Errors
    ///
    /// The error itself, if it is not.
    ///
    /// ```
    /// use kysera::Error;
    ///
    /// #[derive(Debug, thiserror::Error)]
    /// enum ShopError {
    ///     #[error("sold out")]
    ///     SoldOut,
    ///     #[error(transparent)]
    ///     Database(Error),
    /// }
    ///
    /// // What a transaction carried comes out as it went in.
    /// impl From<Error> for ShopError {
    ///     fn from(error: Error) -> Self {
    ///         error.downcast().unwrap_or_else(ShopError::Database)
    ///     }
    /// }
    ///
    /// assert!(matches!(ShopError::from(Error::other(ShopError::SoldOut)), ShopError::SoldOut));
    /// ```
    pub fn downcast<T: std::error::Error + Send + Sync + 'static>(self) -> Result<T, Self> {
        match self {
            Error::Other(error) => error.downcast().map(|error| *error).map_err(Error::Other),
            Error::Plugin { plugin, doing, entity, source } => source
                .downcast()
                .map_err(|source| Error::Plugin { plugin, doing, entity, source: Box::new(source) }),
            Error::GaveUp { attempts, out_of_budget, source } => source
                .downcast()
                .map_err(|source| Error::GaveUp { attempts, out_of_budget, source: Box::new(source) }),
            error => Err(error),
        }
    }

    /// The violated constraint, if that is what happened.
    pub fn violation(&self) -> Option<&Violation> {
        match self {
            Error::Violation(violation) => Some(violation),
            Error::Plugin { source, .. } => source.violation(),
            Error::Migration(error) => error.cause()?.violation(),
            _ => None,
        }
    }

    /// Whether a unique key over exactly these columns, in any order, is violated. The primary key is one.
    ///
    /// The key's table counts as well, where the database tells it. Upper and lower case do not.
    ///
    /// ```
    /// use kysera::{Column, Error};
    ///
    /// fn is_taken<User>(error: &Error, email: Column<User, String>) -> bool {
    ///     error.is_unique_violation_of(email) // User::EMAIL
    /// }
    /// ```
    pub fn is_unique_violation_of<E>(&self, columns: impl Columns<E>) -> bool {
        self.violation().is_some_and(|violation| violation.is_unique_key(&columns.cols()))
    }

    /// Whether a row that was asked for does not exist: [`NotFound`](Error::NotFound) or
    /// [`Missing`](Error::Missing).
    pub fn is_not_found(&self) -> bool {
        matches!(self, Error::NotFound { .. } | Error::Missing(_))
    }

    /// The error as sqlx reported it, if it came from there. Its text may contain values.
    pub fn as_sqlx(&self) -> Option<&sqlx::Error> {
        match self {
            Error::Violation(violation) => Some(violation.as_sqlx()),
            Error::Database(failure) => Some(failure.as_sqlx()),
            Error::Plugin { source, .. } | Error::GaveUp { source, .. } => source.as_sqlx(),
            Error::Migration(error) => error.cause()?.as_sqlx(),
            Error::Decode { driver, .. }
            | Error::Encode { driver }
            | Error::SameKey { driver: Some(driver), .. }
            | Error::Transaction(TransactionError::OutcomeUnknown { driver }) => Some(driver.as_sqlx()),
            _ => None,
        }
    }

    /// Whether the same call, or the transaction that it was part of, may well succeed when it is tried again.
    ///
    /// True for serialization failures, deadlocks, locks that were not to be had, a busy SQLite file, too many
    /// connections, a server that shuts down or starts up, a broken connection, a pool without a connection in
    /// time, replicas that are away or behind. For an error of the caller's own its chain of sources decides.
    ///
    /// A broken connection does not say whether the statement before it was carried out: outside a transaction,
    /// repeat only what may happen twice. A COMMIT whose
    /// [outcome is unknown](TransactionError::OutcomeUnknown) is not transient for that reason. Neither is a
    /// [deadline](Error::Deadline) that passed, which the next try would meet as well, nor a
    /// [turn to write](PoolError::NoTurn) that never came: that is mostly a caller who waits for a transaction of its own.
    pub fn is_transient(&self) -> bool {
        match self {
            Error::Database(failure) => is_transient(failure.as_sqlx()),
            Error::Pool(error) => {
                !matches!(error, PoolError::Closed | PoolError::ShuttingDown | PoolError::NoTurn { .. })
            }
            Error::Plugin { source, .. } | Error::GaveUp { source, .. } => source.is_transient(),
            Error::Migration(error) => error.is_transient(),
            Error::Other(error) => carried(error, Error::is_transient, is_transient),
            _ => false,
        }
    }
}

impl Error {
    /// Whether the database cannot be reached or used at all: what a [`Breaker`](crate::infra::Breaker) counts.
    ///
    /// True for connections that cannot be made or broke, in COMMIT as well, a server that shuts down or has no connection left, a
    /// pool without a connection in time (the acquire timeout or a deadline), replicas of which none can be used, a file of SQLite that
    /// cannot be opened or read. A database that refuses a statement (a
    /// violation, a deadlock, a statement that took too long) is there. For an error of the caller's own its chain of sources decides.
    pub fn is_outage(&self) -> bool {
        match self {
            Error::Transaction(TransactionError::OutcomeUnknown { .. }) => true,
            Error::Database(failure) => is_outage(failure.as_sqlx()),
            // The program's own end is none of the database's, and a replica that is late is there.
            Error::Pool(error) => !matches!(
                error,
                PoolError::ShuttingDown | PoolError::Behind { .. } | PoolError::NoTurn { .. }
            ),
            Error::Deadline(error) => error.stage == DeadlineStage::Connection,
            Error::Plugin { source, .. } | Error::GaveUp { source, .. } => source.is_outage(),
            Error::Migration(error) => error.cause().is_some_and(Error::is_outage),
            Error::Other(error) => carried(error, Error::is_outage, is_outage),
            _ => false,
        }
    }
}

/// What the first error of kysera's or sqlx's says, in the chain of an error of the caller's own.
fn carried(error: &BoxError, ours: fn(&Error) -> bool, drivers: fn(&sqlx::Error) -> bool) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(&**error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<Error>() {
            return ours(error);
        }
        if let Some(error) = error.downcast_ref::<sqlx::Error>() {
            return drivers(error);
        }
        next = error.source();
    }
    false
}

fn is_outage(error: &sqlx::Error) -> bool {
    match error {
        // Some kinds of I/O have other codes, `DB_TIMEOUT` among them.
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => true,
        error => code::driver_code(error) == ErrorCode::ConnectionFailed,
    }
}

fn is_transient(error: &sqlx::Error) -> bool {
    use std::io::ErrorKind;
    if let Some(report) = server::Report::of(error) {
        return report.is_transient();
    }
    match error {
        // What the next try would meet again.
        sqlx::Error::Io(error) => !matches!(
            error.kind(),
            ErrorKind::NotFound
                | ErrorKind::PermissionDenied
                | ErrorKind::InvalidInput
                | ErrorKind::InvalidData
                | ErrorKind::Unsupported
        ),
        sqlx::Error::PoolTimedOut => true,
        _ => false,
    }
}
