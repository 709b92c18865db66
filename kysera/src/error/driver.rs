use std::fmt;

use super::server::Report;

/// The driver's error, kept out of `Display` and `Debug` because its words may contain values of rows.
///
/// What is printed is the kind and code of the error, and of its text as much as cannot contain a value: that of a
/// syntax error or a deadlock for instance, but not that of a number that is out of range.
pub struct Driver(pub(crate) sqlx::Error);

impl Driver {
    /// The error as sqlx reported it. Its text may contain values.
    pub fn as_sqlx(&self) -> &sqlx::Error {
        &self.0
    }

    /// Gives the error away. Its text may contain values.
    pub fn into_sqlx(self) -> sqlx::Error {
        self.0
    }
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use sqlx::Error as E;
        if let Some(report) = Report::of(&self.0) {
            return f.write_str(&report.describe());
        }
        match &self.0 {
            E::Database(_) => f.write_str("database error"),
            // The way to the server, names, and texts without parts.
            error @ (E::Configuration(_)
            | E::Io(_)
            | E::Tls(_)
            | E::RowNotFound
            | E::ColumnIndexOutOfBounds { .. }
            | E::ColumnNotFound(_)
            | E::PoolTimedOut
            | E::PoolClosed
            | E::WorkerCrashed
            | E::InvalidSavePointStatement
            | E::BeginFailed) => error.fmt(f),
            E::TypeNotFound { type_name } => write!(
                f,
                "the database has no type `{type_name}`: create it, or, for an enum that is stored as text, write \
                 `#[sqlx(type_name = \"text\")]` on it"
            ),
            E::InvalidArgument(_) => f.write_str("invalid argument for the driver"),
            E::Protocol(_) => f.write_str("unexpected data on the connection"),
            E::ColumnDecode { index, source } => {
                write!(f, "decoding column {index}: {}", Cause::of(&**source))
            }
            E::Decode(source) => write!(f, "decoding: {}", Cause::of(&**source)),
            E::Encode(source) => write!(f, "encoding: {}", Cause::of(&**source)),
            _ => f.write_str("driver error"),
        }
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Driver({self})")
    }
}

/// Why a value could not be read or sent, where the text of that is known not to contain the value.
enum Cause<'a> {
    Safe(&'a (dyn std::error::Error + 'static)),
    Unsafe,
}

impl<'a> Cause<'a> {
    fn of(error: &'a (dyn std::error::Error + Send + Sync + 'static)) -> Self {
        let error: &(dyn std::error::Error + 'static) = error;
        let safe = error.is::<sqlx::error::UnexpectedNullError>()
            || error.is::<crate::backend::TypeMismatch>()
            || error.is::<std::num::ParseIntError>()
            || error.is::<std::num::ParseFloatError>()
            || error.is::<std::num::TryFromIntError>()
            || error.is::<std::str::ParseBoolError>()
            || error.is::<std::str::Utf8Error>()
            || error.is::<std::string::FromUtf8Error>()
            || is_mismatch(&error.to_string());
        if safe { Cause::Safe(error) } else { Cause::Unsafe }
    }
}

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Safe(error) => error.fmt(f),
            Cause::Unsafe => f.write_str("the value does not fit (the driver's text may contain it)"),
        }
    }
}

/// sqlx reports a wrong type as plain text with three names of types and nothing else.
fn is_mismatch(text: &str) -> bool {
    let parts: Vec<_> = text.split('`').collect();
    matches!(
        *parts,
        ["mismatched types; Rust type ", _, " (as SQL type ", _, ") is not compatible with SQL type ", _, ""]
    )
}
