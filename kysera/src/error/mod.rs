//! What can go wrong, and how to tell it apart.
//!
//! Every method of kysera answers [`Error`]. Its [`code`](Error::code) is stable and meant for programs, its
//! message is meant for people, and neither ever contains a value of a row: values may be secrets. The driver's
//! own error, which may well contain values, is behind [`Error::as_sqlx`]; it is part of neither `Display` nor
//! `Debug` nor the chain of sources.

mod code;
mod driver;
mod failure;
mod invalid;
mod violation;

use std::borrow::Cow;

pub use code::ErrorCode;
pub use driver::Driver;
pub use failure::{DatabaseFailure, Missing, PoolError, TransactionError};
pub use invalid::{FieldError, Invalid};
pub use violation::{Violation, ViolationKind};

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
    /// A constraint of the database was violated.
    #[error(transparent)]
    Violation(Box<Violation>),
    /// Values were refused by the rules on the struct, before any SQL ran.
    #[error(transparent)]
    Invalid(Invalid),
    /// The call itself makes no sense.
    #[error("{0}")]
    BadRequest(Cow<'static, str>),
    /// The database at hand cannot do what was asked.
    #[error("{backend} cannot do this: {what}")]
    Unsupported {
        /// The database.
        backend: &'static str,
        /// What was asked for, and what to do instead.
        what: Cow<'static, str>,
    },
    /// The state of the transaction or connection forbids the call.
    #[error(transparent)]
    Transaction(TransactionError),
    /// No connection could be had.
    #[error(transparent)]
    Pool(PoolError),
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
    /// An error of the caller's own, carried through a transaction; see [`Error::other`].
    #[error(transparent)]
    Other(BoxError),
}

impl Error {
    /// Wraps an error of the caller's own, so that a transaction's closure can fail with it.
    pub fn other(error: impl Into<BoxError>) -> Self {
        Error::Other(error.into())
    }

    /// (stand-in)
    pub fn as_sqlx(&self) -> Option<&sqlx::Error> {
        None
    }

    /// (stand-in until the errors are merged)
    pub(crate) fn in_entity(self, _: &'static crate::expr::Meta) -> Self {
        self
    }

    /// Converts what the driver said.
    pub(crate) fn from_driver(error: sqlx::Error) -> Self {
        // TODO
        Error::Database(Box::new(DatabaseFailure { entity: None, driver: Driver(error) }))
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::from_driver(error)
    }
}
