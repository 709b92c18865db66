/// A value for a field of which nothing was said; see [`derive(Factory)`](crate::Factory).
///
/// | type | value |
/// |---|---|
/// | numbers | that of the row, as far as it fits |
/// | `bool` | `false` |
/// | `String` | name of the field and number of the row: `title 3` |
/// | `Vec<u8>` | the same as bytes |
/// | `Option<T>` | `None` |
/// | `Uuid` | made of the number of the row |
/// | dates and times of `chrono` and `time` | 1 January 2000, so many seconds (for dates, days) later as the row's number says |
/// | JSON | `{}` |
#[diagnostic::on_unimplemented(
    message = "a factory does not know what to put into a field of type `{Self}`",
    label = "no value for it",
    note = "say it: `#[factory(value = ..)]`, `#[factory(sequence = |n| ..)]`, or `impl kysera::testing::Sample for {Self}`"
)]
pub trait Sample: Sized {
    /// For a field, in the row with this number.
    fn sample(field: &str, n: u64) -> Self;
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl Sample for $number {
            fn sample(_: &str, n: u64) -> Self {
                // From its largest value on it begins anew.
                (n % (<$number>::MAX as u64)) as $number
            }
        }
    )*};
}

numbers!(i8 i16 i32 i64 u8 u16 u32 u64 isize usize);

impl Sample for f32 {
    fn sample(_: &str, n: u64) -> Self {
        n as f32
    }
}

impl Sample for f64 {
    fn sample(_: &str, n: u64) -> Self {
        n as f64
    }
}

impl Sample for bool {
    fn sample(_: &str, _: u64) -> Self {
        false
    }
}

impl Sample for String {
    fn sample(field: &str, n: u64) -> Self {
        format!("{field} {n}")
    }
}

impl Sample for Vec<u8> {
    fn sample(field: &str, n: u64) -> Self {
        String::sample(field, n).into_bytes()
    }
}

impl<T> Sample for Option<T> {
    fn sample(_: &str, _: u64) -> Self {
        None
    }
}

#[cfg(feature = "uuid")]
impl Sample for uuid::Uuid {
    fn sample(_: &str, n: u64) -> Self {
        uuid::Uuid::from_u128(n.into())
    }
}

#[cfg(feature = "decimal")]
impl Sample for rust_decimal::Decimal {
    fn sample(_: &str, n: u64) -> Self {
        n.into()
    }
}

#[cfg(feature = "json")]
impl Sample for serde_json::Value {
    fn sample(_: &str, _: u64) -> Self {
        serde_json::Value::Object(serde_json::Map::new())
    }
}

#[cfg(feature = "json")]
impl<T: Default> Sample for sqlx::types::Json<T> {
    fn sample(_: &str, _: u64) -> Self {
        sqlx::types::Json(T::default())
    }
}

/// 1 January 2000, in seconds since 1970.
#[cfg(any(feature = "chrono", feature = "time"))]
const Y2K: i64 = 946_684_800;

/// So many that every calendar has a moment for them.
#[cfg(any(feature = "chrono", feature = "time"))]
fn seconds(n: u64) -> i64 {
    (n % 1_000_000_000) as i64
}

#[cfg(any(feature = "chrono", feature = "time"))]
fn days(n: u64) -> i64 {
    (n % 10_000) as i64
}

#[cfg(feature = "chrono")]
mod with_chrono {
    use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Utc};

    use super::{Sample, Y2K, days, seconds};

    impl Sample for DateTime<Utc> {
        fn sample(_: &str, n: u64) -> Self {
            DateTime::from_timestamp(Y2K + seconds(n), 0).unwrap_or_default()
        }
    }

    impl Sample for DateTime<FixedOffset> {
        fn sample(field: &str, n: u64) -> Self {
            DateTime::<Utc>::sample(field, n).fixed_offset()
        }
    }

    impl Sample for NaiveDateTime {
        fn sample(field: &str, n: u64) -> Self {
            DateTime::<Utc>::sample(field, n).naive_utc()
        }
    }

    impl Sample for NaiveDate {
        fn sample(_: &str, n: u64) -> Self {
            DateTime::from_timestamp(Y2K + days(n) * 86_400, 0).unwrap_or_default().date_naive()
        }
    }

    impl Sample for NaiveTime {
        fn sample(field: &str, n: u64) -> Self {
            DateTime::<Utc>::sample(field, n).time()
        }
    }
}

#[cfg(feature = "time")]
mod with_time {
    use time::{Date, Duration, OffsetDateTime, PrimitiveDateTime, Time};

    use super::{Sample, Y2K, days, seconds};

    fn y2k() -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + Duration::seconds(Y2K)
    }

    impl Sample for OffsetDateTime {
        fn sample(_: &str, n: u64) -> Self {
            y2k() + Duration::seconds(seconds(n))
        }
    }

    impl Sample for PrimitiveDateTime {
        fn sample(field: &str, n: u64) -> Self {
            let moment = OffsetDateTime::sample(field, n);
            PrimitiveDateTime::new(moment.date(), moment.time())
        }
    }

    impl Sample for Date {
        fn sample(_: &str, n: u64) -> Self {
            (y2k() + Duration::days(days(n))).date()
        }
    }

    impl Sample for Time {
        fn sample(field: &str, n: u64) -> Self {
            OffsetDateTime::sample(field, n).time()
        }
    }
}
