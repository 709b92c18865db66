//! The types that plugins' columns may have.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::expr::{Mark, Value};

/// A column type that takes the time: chrono's `DateTime<Utc>` and `NaiveDateTime` (as UTC) with the feature `chrono`, time's
/// `OffsetDateTime` and `PrimitiveDateTime` (as UTC) with `time`, `i64` as seconds since 1970, and an `Option` of any. You
/// may implement it for a type of your own.
#[diagnostic::on_unimplemented(
    message = "a column of type `{Self}` cannot take the time",
    label = "not a type of time",
    note = "the types are `DateTime<Utc>` and `NaiveDateTime` of chrono, `OffsetDateTime` and `PrimitiveDateTime` of time, with \
            kysera's features of those names, and `i64` for seconds since 1970"
)]
pub trait Timestamp: Send + Sync + Sized + 'static {
    /// The value at this time.
    fn at(time: SystemTime) -> Self;
}

impl<T: Timestamp> Timestamp for Option<T> {
    fn at(time: SystemTime) -> Self {
        Some(T::at(time))
    }
}

impl Timestamp for i64 {
    fn at(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            // Whole seconds towards the past, as for the times after 1970.
            Err(before) => {
                let before = before.duration();
                let seconds = i64::try_from(before.as_secs()).unwrap_or(i64::MAX);
                -seconds - i64::from(before.subsec_nanos() > 0)
            }
        }
    }
}

#[cfg(feature = "chrono")]
impl Timestamp for chrono::DateTime<chrono::Utc> {
    fn at(time: SystemTime) -> Self {
        time.into()
    }
}

#[cfg(feature = "chrono")]
impl Timestamp for chrono::NaiveDateTime {
    fn at(time: SystemTime) -> Self {
        chrono::DateTime::<chrono::Utc>::from(time).naive_utc()
    }
}

#[cfg(feature = "time")]
impl Timestamp for time::OffsetDateTime {
    fn at(time: SystemTime) -> Self {
        time.into()
    }
}

#[cfg(feature = "time")]
impl Timestamp for time::PrimitiveDateTime {
    fn at(time: SystemTime) -> Self {
        let time = time::OffsetDateTime::from(time);
        time::PrimitiveDateTime::new(time.date(), time.time())
    }
}

/// A column type that says whether a row is deleted: an `Option` of a [`Timestamp`], which is NULL while the row lives, or
/// `bool`, which is FALSE then.
#[diagnostic::on_unimplemented(
    message = "a column of type `{Self}` cannot say whether a row is deleted",
    label = "expected an `Option` of a time, or `bool`",
    note = "`soft_delete` takes `Option<DateTime<Utc>>` and the like (NULL while the row lives), and `bool` (FALSE while it lives)"
)]
pub trait DeletedAt: Send + Sync + 'static {
    /// How a row is marked.
    #[doc(hidden)]
    const MARK: Mark;
}

impl<T: Timestamp> DeletedAt for Option<T> {
    const MARK: Mark = Mark::Time(stamp::<Self>);
}

impl DeletedAt for bool {
    const MARK: Mark = Mark::Flag;
}

/// A column type that counts the versions of a row: integers of 16 bits and more.
#[diagnostic::on_unimplemented(
    message = "a column of type `{Self}` cannot count versions",
    label = "expected an integer",
    note = "`version` takes `i16`, `i32`, `i64`, `u16`, `u32` and `u64`"
)]
pub trait VersionNumber: Clone + PartialEq + Send + Sync + 'static {
    /// The version of a new row: 1.
    fn first() -> Self;
}

macro_rules! version {
    ($($type:ty),*) => { $(
        impl VersionNumber for $type {
            fn first() -> Self {
                1
            }
        }
    )* };
}
version!(i16, i32, i64, u16, u32, u64);

/// The value of a column at a time.
#[doc(hidden)]
pub fn stamp<T: Timestamp>(time: SystemTime) -> Value {
    Arc::new(T::at(time))
}

/// The version of a new row.
#[doc(hidden)]
pub fn first_version<T: VersionNumber>() -> Value {
    Arc::new(T::first())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn seconds_are_whole_towards_the_past() {
        assert_eq!(i64::at(UNIX_EPOCH + Duration::from_millis(1_999)), 1);
        assert_eq!(i64::at(UNIX_EPOCH - Duration::from_millis(1)), -1);
        assert_eq!(i64::at(UNIX_EPOCH - Duration::from_secs(2)), -2);
        assert_eq!(Option::<i64>::at(UNIX_EPOCH), Some(0));
    }
}
