use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::{Error, PoolError, ViolationKind, server};

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)+) => {
        /// A stable name for each kind of [`Error`], for programs.
        ///
        /// The text of a code never changes; codes may be added.
        ///
        /// ```
        /// use kysera::ErrorCode;
        ///
        /// let code: ErrorCode = "VALIDATION_UNIQUE_VIOLATION".parse()?;
        /// assert_eq!(code, ErrorCode::UniqueViolation);
        /// assert_eq!(code.as_str(), "VALIDATION_UNIQUE_VIOLATION");
        /// assert_eq!(code.category(), "VALIDATION");
        /// # Ok::<(), kysera::error::UnknownErrorCode>(())
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[$doc])* #[doc = concat!("\n\n`", $text, "`")] $variant,)+
        }

        impl ErrorCode {
            #[cfg(test)]
            const ALL: &[ErrorCode] = &[$(ErrorCode::$variant),+];

            /// The code's text: `DB_TIMEOUT`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(ErrorCode::$variant => $text,)+
                }
            }
        }

        impl FromStr for ErrorCode {
            type Err = UnknownErrorCode;

            fn from_str(text: &str) -> Result<Self, UnknownErrorCode> {
                match text {
                    $($text => Ok(ErrorCode::$variant),)+
                    _ => Err(UnknownErrorCode(())),
                }
            }
        }
    };
}

codes! {
    /// The database cannot be reached, or the connection broke.
    ConnectionFailed = "DB_CONNECTION_FAILED",
    /// The database refused a statement, or its rows do not fit the struct.
    QueryFailed = "DB_QUERY_FAILED",
    /// A transaction was lost: a conflict with another one, a deadlock, or a state that forbids the call.
    TransactionFailed = "DB_TRANSACTION_FAILED",
    /// A statement or the wait for a lock took longer than allowed, or a deadline passed.
    Timeout = "DB_TIMEOUT",
    /// The pool had no connection in time.
    PoolExhausted = "DB_POOL_EXHAUSTED",
    /// The database was not asked, because it failed just before, because the program ends, or because no replica is fit for it: try
    /// again later.
    Unavailable = "DB_UNAVAILABLE",
    /// The database at hand cannot do what was asked.
    Unsupported = "DB_UNSUPPORTED",
    /// Anything else, the caller's own errors included.
    Unknown = "DB_UNKNOWN",
    /// A unique key is violated.
    UniqueViolation = "VALIDATION_UNIQUE_VIOLATION",
    /// A foreign key is violated.
    ForeignKeyViolation = "VALIDATION_FOREIGN_KEY_VIOLATION",
    /// A required column has no value.
    NotNullViolation = "VALIDATION_NOT_NULL_VIOLATION",
    /// A check is violated.
    CheckViolation = "VALIDATION_CHECK_VIOLATION",
    /// An exclusion constraint is violated.
    ExclusionViolation = "VALIDATION_EXCLUSION_VIOLATION",
    /// Values break the rules on the struct, or the database says that a value is too long, out of range or malformed.
    InvalidInput = "VALIDATION_INVALID_INPUT",
    /// A value cannot be sent as the type of its column.
    InvalidType = "VALIDATION_INVALID_TYPE",
    /// A row does not exist.
    NotFound = "RESOURCE_NOT_FOUND",
    /// There is more than one row where one was asked for.
    Conflict = "RESOURCE_CONFLICT",
    /// The caller may not see it.
    Forbidden = "RESOURCE_FORBIDDEN",
    /// The call itself makes no sense.
    BadRequest = "RESOURCE_BAD_REQUEST",
    /// A migration could not be applied.
    MigrationUpFailed = "MIGRATION_UP_FAILED",
    /// A migration could not be undone.
    MigrationDownFailed = "MIGRATION_DOWN_FAILED",
    /// A migration is not written as it must be.
    MigrationInvalid = "MIGRATION_VALIDATION_FAILED",
    /// There is no such migration.
    MigrationNotFound = "MIGRATION_NOT_FOUND",
    /// Two migrations have the same version.
    MigrationDuplicate = "MIGRATION_DUPLICATE_NAME",
    /// Somebody else applies migrations.
    MigrationLocked = "MIGRATION_LOCK_FAILED",
    /// A migration was changed after it was applied.
    MigrationChanged = "MIGRATION_CHANGED",
    /// A migration was applied and is not there any more.
    MigrationMissing = "MIGRATION_MISSING",
    /// A migration is not applied, and a newer one is.
    MigrationOutOfOrder = "MIGRATION_OUT_OF_ORDER",
    /// A migration was begun and did not come to its end.
    MigrationDirty = "MIGRATION_DIRTY",
}

impl ErrorCode {
    /// The part before the first `_`: `DB`, `VALIDATION`, `RESOURCE` or `MIGRATION`.
    pub fn category(self) -> &'static str {
        self.as_str().split('_').next().unwrap_or_default()
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A text is not the name of an [`ErrorCode`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not the name of an error code")]
pub struct UnknownErrorCode(());

impl Error {
    /// What kind of error it is, for programs.
    ///
    /// ```
    /// use kysera::{Error, ErrorCode};
    ///
    /// let error = Error::BadRequest("a page has at least one row".into());
    /// assert_eq!(error.code(), ErrorCode::BadRequest);
    /// ```
    pub fn code(&self) -> ErrorCode {
        match self {
            Error::NotFound { .. } | Error::Missing(_) => ErrorCode::NotFound,
            Error::MoreThanOne { .. }
            | Error::NotDeleted { .. }
            | Error::Deleted { .. }
            | Error::Stale { .. } => ErrorCode::Conflict,
            Error::Plugin { source, .. } | Error::GaveUp { source, .. } => source.code(),
            Error::NotStored { .. } => ErrorCode::QueryFailed,
            Error::Audit(error) => error.code(),
            Error::Migration(error) => error.code(),
            Error::Violation(violation) => match violation.kind {
                ViolationKind::Unique => ErrorCode::UniqueViolation,
                ViolationKind::ForeignKey => ErrorCode::ForeignKeyViolation,
                ViolationKind::NotNull => ErrorCode::NotNullViolation,
                ViolationKind::Check => ErrorCode::CheckViolation,
                ViolationKind::Exclusion => ErrorCode::ExclusionViolation,
            },
            Error::Invalid(_) => ErrorCode::InvalidInput,
            Error::BadRequest(_) | Error::Cursor(_) | Error::SameKey { .. } => ErrorCode::BadRequest,
            Error::Protected { .. } | Error::Denied { .. } => ErrorCode::Forbidden,
            Error::Unsupported { .. } => ErrorCode::Unsupported,
            Error::Transaction(_) => ErrorCode::TransactionFailed,
            Error::Pool(PoolError::TimedOut { .. } | PoolError::NoTurn { .. } | PoolError::SqlxTimedOut) => {
                ErrorCode::PoolExhausted
            }
            Error::Pool(PoolError::Closed) => ErrorCode::ConnectionFailed,
            Error::Deadline(_) => ErrorCode::Timeout,
            Error::Breaker(_)
            | Error::Pool(PoolError::ShuttingDown | PoolError::NoReplica { .. } | PoolError::Behind { .. }) => {
                ErrorCode::Unavailable
            }
            Error::Decode { .. } => ErrorCode::QueryFailed,
            Error::Encode { .. } => ErrorCode::InvalidType,
            Error::Database(failure) => driver_code(failure.as_sqlx()),
            Error::Other(_) => ErrorCode::Unknown,
        }
    }
}

pub(super) fn driver_code(error: &sqlx::Error) -> ErrorCode {
    use sqlx::Error as E;
    if let Some(report) = server::Report::of(error) {
        return report.error_code();
    }
    match error {
        E::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => ErrorCode::Timeout,
        E::Configuration(_) | E::Io(_) | E::Tls(_) | E::Protocol(_) | E::WorkerCrashed => {
            ErrorCode::ConnectionFailed
        }
        E::Database(_)
        | E::InvalidArgument(_)
        | E::TypeNotFound { .. }
        | E::ColumnIndexOutOfBounds { .. }
        | E::ColumnNotFound(_)
        | E::ColumnDecode { .. }
        | E::Decode(_) => ErrorCode::QueryFailed,
        E::InvalidSavePointStatement | E::BeginFailed => ErrorCode::TransactionFailed,
        _ => ErrorCode::Unknown,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn texts_are_unique_and_parse_back() {
        let texts: HashSet<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), ErrorCode::ALL.len());
        for &code in ErrorCode::ALL {
            assert_eq!(code.as_str().parse(), Ok(code));
            assert_eq!(code.to_string(), code.as_str());
            assert!(["DB", "VALIDATION", "RESOURCE", "MIGRATION"].contains(&code.category()), "{code}");
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }

    #[test]
    fn only_the_exact_text_parses() {
        for text in ["", "db_timeout", "DB_TIMEOUT ", "TIMEOUT", "DB"] {
            assert!(text.parse::<ErrorCode>().is_err(), "{text}");
        }
    }
}
