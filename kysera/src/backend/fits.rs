//! Which columns the types of fields fit, for structs that are held against a snapshot of the database while they compile.

use super::Dialect;

/// The classes of columns that a type fits, by their names in snapshots (`schema::TypeClass`).
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Fit {
    /// The driver compares types exactly.
    postgres: &'static [&'static str],
    /// Any integer of the same sign that is not wider.
    mysql: &'static [&'static str],
    /// Whatever keeps a value as it is given. Cells have types of their own.
    sqlite: &'static [&'static str],
    /// Whether it is an array of these.
    array: bool,
}

/// A type whose columns are known. Others fit everything.
#[doc(hidden)]
pub trait Fits {
    const FIT: Fit;
    /// What a `Vec` of it fits.
    const IN_VEC: Fit = Fit { array: true, mysql: &[], sqlite: &[], ..Self::FIT };
}

impl<T: Fits> Fits for Option<T> {
    const FIT: Fit = T::FIT;
    // `Vec<Option<T>>` is an array as well.
    const IN_VEC: Fit = T::IN_VEC;
}

impl<T: Fits> Fits for Vec<T> {
    const FIT: Fit = T::IN_VEC;
}

macro_rules! fits {
    ($($type:ty: $postgres:expr, $mysql:expr, $sqlite:expr;)*) => { $(
        impl Fits for $type {
            const FIT: Fit = Fit { postgres: &$postgres, mysql: &$mysql, sqlite: &$sqlite, array: false };
        }
    )* };
}

/// Integers, whatever they are called.
const SQLITE_INTEGERS: [&str; 3] = ["int64", "bool", "decimal"];
/// Texts, and what keeps a text as it is.
#[cfg(any(feature = "chrono", feature = "time"))]
const SQLITE_TIMES: [&str; 4] = ["timestamp", "text", "int64", "decimal"];
const BYTES: Fit = Fit { postgres: &["bytes"], mysql: &["bytes", "text"], sqlite: &["bytes"], array: false };

fits! {
    bool: ["bool"], ["bool", "int8", "int16", "int32", "int64", "bits"], SQLITE_INTEGERS;
    i8: ["int8"], ["bool", "int8"], SQLITE_INTEGERS;
    i16: ["int16"], ["bool", "int8", "int16"], SQLITE_INTEGERS;
    i32: ["int32"], ["bool", "int8", "int16", "int32"], SQLITE_INTEGERS;
    i64: ["int64"], ["bool", "int8", "int16", "int32", "int64"], SQLITE_INTEGERS;
    u16: [], ["uint8", "uint16", "bits"], SQLITE_INTEGERS;
    u32: [], ["uint8", "uint16", "uint32", "bits"], SQLITE_INTEGERS;
    u64: [], ["uint8", "uint16", "uint32", "uint64", "bits"], [];
    f32: ["float32"], ["float32"], ["float64", "decimal"];
    f64: ["float64"], ["float32", "float64"], ["float64", "decimal"];
    String: ["text"], ["text", "enum"], ["text", "json", "uuid", "date", "time", "timestamp"];
    Box<str>: ["text"], ["text", "enum"], ["text", "json", "uuid", "date", "time", "timestamp"];
}

/// Bytes are a value, not an array.
impl Fits for u8 {
    const FIT: Fit = Fit { postgres: &[], mysql: &["uint8", "bits"], sqlite: &SQLITE_INTEGERS, array: false };
    const IN_VEC: Fit = BYTES;
}

impl Fits for Box<[u8]> {
    const FIT: Fit = BYTES;
}

#[cfg(feature = "uuid")]
fits! {
    sqlx::types::Uuid: ["uuid"], ["bytes"], ["bytes", "uuid"];
}

#[cfg(feature = "decimal")]
fits! {
    sqlx::types::Decimal: ["decimal"], ["decimal"], [];
}

#[cfg(feature = "json")]
mod json {
    use super::{Fit, Fits};

    const JSON: Fit =
        Fit { postgres: &["json"], mysql: &["json", "text"], sqlite: &["json", "text"], array: false };

    impl<T> Fits for sqlx::types::Json<T> {
        const FIT: Fit = JSON;
    }

    impl Fits for serde_json::Value {
        const FIT: Fit = JSON;
    }
}

#[cfg(feature = "chrono")]
mod chrono {
    use sqlx::types::chrono::{DateTime, FixedOffset, Local, NaiveDate, NaiveDateTime, NaiveTime, Utc};

    use super::{Fit, Fits, SQLITE_TIMES};

    fits! {
        DateTime<Utc>: ["timestamptz"], ["timestamp", "timestamptz"], SQLITE_TIMES;
        DateTime<Local>: ["timestamptz"], ["timestamp", "timestamptz"], SQLITE_TIMES;
        DateTime<FixedOffset>: ["timestamptz"], [], SQLITE_TIMES;
        NaiveDateTime: ["timestamp"], ["timestamp", "timestamptz"], SQLITE_TIMES;
        NaiveDate: ["date"], ["date"], ["date", "text"];
        NaiveTime: ["time"], ["time"], ["time", "text"];
    }
}

#[cfg(feature = "time")]
mod time {
    use sqlx::types::time::{Date, OffsetDateTime, PrimitiveDateTime, Time};

    use super::{Fit, Fits, SQLITE_TIMES};

    fits! {
        OffsetDateTime: ["timestamptz"], ["timestamp", "timestamptz"], SQLITE_TIMES;
        PrimitiveDateTime: ["timestamp"], ["timestamp", "timestamptz"], SQLITE_TIMES;
        Date: ["date"], ["date"], ["date", "text"];
        Time: ["time"], ["time"], ["time", "text"];
    }
}

/// Fails to compile where a type does not fit a column of this class (`wrong` says so), or is an `Option` where it should not be, or
/// the other way round (`wrong_null` does).
#[doc(hidden)]
#[track_caller]
pub const fn fits(
    fit: Option<Fit>,
    is_null_right: bool,
    dialect: Dialect,
    class: &str,
    wrong: &str,
    wrong_null: &str,
) {
    if let Some(fit) = fit
        && !fit.holds(dialect, class)
    {
        panic!("{}", wrong);
    }
    if !is_null_right {
        panic!("{}", wrong_null);
    }
}

impl Fit {
    /// Whether it is one of the classes.
    const fn holds(self, dialect: Dialect, class: &str) -> bool {
        let names = match dialect {
            Dialect::Postgres => self.postgres,
            Dialect::MySql => self.mysql,
            Dialect::Sqlite => self.sqlite,
        };
        let (array, class) = match after(class.as_bytes(), b"array:") {
            Some(class) => (true, class),
            None => (false, class.as_bytes()),
        };
        if same(class, b"other") {
            return true;
        }
        let class = match after(class, b"enum:") {
            Some(_) => b"enum",
            None => class,
        };
        let mut at = 0;
        while at < names.len() {
            if self.array == array && same(names[at].as_bytes(), class) {
                return true;
            }
            at += 1;
        }
        false
    }
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && after(a, b).is_some()
}

/// What comes after a beginning.
const fn after<'a>(text: &'a [u8], beginning: &[u8]) -> Option<&'a [u8]> {
    if text.len() < beginning.len() {
        return None;
    }
    let mut at = 0;
    while at < beginning.len() {
        if text[at] != beginning[at] {
            return None;
        }
        at += 1;
    }
    Some(text.split_at(beginning.len()).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit<T: Fits>(dialect: Dialect, class: &str) -> bool {
        T::FIT.holds(dialect, class)
    }

    #[test]
    fn integers() {
        assert!(fit::<i64>(Dialect::Postgres, "int64") && !fit::<i64>(Dialect::Postgres, "int32"));
        assert!(fit::<i64>(Dialect::MySql, "int32") && !fit::<i32>(Dialect::MySql, "int64"));
        assert!(!fit::<i32>(Dialect::MySql, "uint32") && fit::<u32>(Dialect::MySql, "uint32"));
        assert!(fit::<Option<i16>>(Dialect::Sqlite, "int64") && !fit::<i16>(Dialect::Sqlite, "text"));
    }

    #[test]
    fn arrays_bytes_and_enums() {
        assert!(fit::<Vec<String>>(Dialect::Postgres, "array:text"));
        assert!(fit::<Option<Vec<Option<i32>>>>(Dialect::Postgres, "array:int32"));
        assert!(
            !fit::<Vec<String>>(Dialect::Postgres, "text") && !fit::<String>(Dialect::Postgres, "array:text")
        );
        assert!(
            fit::<Vec<u8>>(Dialect::Postgres, "bytes") && !fit::<Vec<u8>>(Dialect::Postgres, "array:int8")
        );
        assert!(fit::<Vec<Vec<u8>>>(Dialect::Postgres, "array:bytes"));
        assert!(
            fit::<String>(Dialect::MySql, "enum:users_role")
                && !fit::<String>(Dialect::Postgres, "enum:role")
        );
        assert!(fit::<Vec<String>>(Dialect::Postgres, "array:other") && fit::<i8>(Dialect::Sqlite, "other"));
    }

    #[test]
    fn types_that_nobody_knows_fit_everything() {
        fits(None, true, Dialect::Postgres, "enum:mood", "never", "never");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let said = |fit, null| {
            let panic = std::panic::catch_unwind(|| fits(fit, null, Dialect::Sqlite, "text", "type", "null"));
            panic.err().and_then(|panic| panic.downcast_ref::<String>().cloned())
        };
        assert_eq!(said(Some(String::FIT), true), None);
        assert_eq!(said(Some(i64::FIT), false).as_deref(), Some("type"));
        assert_eq!(said(Some(String::FIT), false).as_deref(), Some("null"));
        assert_eq!(said(None, false).as_deref(), Some("null"));
    }
}
