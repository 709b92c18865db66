//! Values of the input, as the column's type.
//!
//! Mostly as serde reads them. Some types are read here instead: serde's form of `time`'s types is made of numbers in lists,
//! it rounds decimals that are too long, and it keeps offsets that SQLite would compare as texts.

use serde_json::Value as Json;

use crate::expr::{Codec, Value};

/// A value of the column's type that is not null; `None` if the input is none.
pub(super) fn value(codec: &Codec, input: &Json) -> Option<Value> {
    match known(codec, input) {
        Some(value) => value,
        None => by_serde(codec, input),
    }
}

fn by_serde(codec: &Codec, input: &Json) -> Option<Value> {
    let json = codec.json?;
    let value = (json.from)(input.clone()).ok()?;
    // What has become null on the way is a number that the type cannot hold, and chrono writes years that not every
    // database has with a sign.
    let is_fit = match (json.to)(&*value).ok()? {
        Json::Null => false,
        Json::String(text) => codec.text || !is_far_year(&text),
        _ => true,
    };
    is_fit.then_some(value)
}

/// Reads one of the types that are read here; `None` if it is another one.
fn known(codec: &Codec, input: &Json) -> Option<Option<Value>> {
    let _ = (codec, input);
    #[cfg(feature = "time")]
    if let Some(read) = times::read(codec, input) {
        return Some(read);
    }
    #[cfg(feature = "chrono")]
    if let Some(read) = as_type(codec, || with_offset(input)) {
        return Some(read);
    }
    #[cfg(feature = "decimal")]
    if let Some(read) = as_type(codec, || decimal(input)) {
        return Some(read);
    }
    None
}

/// What was read, if the column's type is `T` or `Option<T>`.
#[cfg(any(feature = "chrono", feature = "time", feature = "decimal"))]
fn as_type<T: Send + Sync + 'static>(
    codec: &Codec,
    read: impl FnOnce() -> Option<T>,
) -> Option<Option<Value>> {
    use std::sync::Arc;
    let name = (codec.type_name)();
    if name == std::any::type_name::<T>() {
        return Some(read().map(|value| Arc::new(value) as Value));
    }
    if name == std::any::type_name::<Option<T>>() {
        return Some(read().map(|value| Arc::new(Some(value)) as Value));
    }
    None
}

/// In UTC: SQLite compares the texts.
#[cfg(feature = "chrono")]
fn with_offset(input: &Json) -> Option<chrono::DateTime<chrono::FixedOffset>> {
    let text = input.as_str().filter(|text| !is_far_year(text))?;
    let at: chrono::DateTime<chrono::Utc> = text.parse().ok()?;
    Some(at.fixed_offset())
}

/// A number, or the text of one, with all its digits.
#[cfg(feature = "decimal")]
fn decimal(input: &Json) -> Option<sqlx::types::Decimal> {
    use sqlx::types::Decimal;
    match input {
        Json::String(text) => Decimal::from_str_exact(text).ok(),
        Json::Number(number) => {
            let text = number.to_string();
            let exact = Decimal::from_str_exact(&text).ok();
            exact.or_else(|| text.contains(['e', 'E']).then(|| Decimal::from_scientific(&text).ok())?)
        }
        _ => None,
    }
}

/// By RFC 3339, whose years have four digits, or the part of it that the type has.
#[cfg(feature = "time")]
mod times {
    use serde_json::Value as Json;
    use sqlx::types::time::{Date, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};
    use time::format_description::well_known::Rfc3339;

    use super::as_type;
    use crate::expr::{Codec, Value};

    pub(super) fn read(codec: &Codec, input: &Json) -> Option<Option<Value>> {
        as_type(codec, || with_offset(input.as_str()?))
            .or_else(|| as_type(codec, || wall(input.as_str()?)))
            .or_else(|| as_type(codec, || day(input.as_str()?)))
            .or_else(|| as_type(codec, || clock(input.as_str()?)))
    }

    fn with_offset(text: &str) -> Option<OffsetDateTime> {
        let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        // In UTC, where the year may be another one: so it is stored, and SQLite compares the texts.
        at.checked_to_offset(UtcOffset::UTC).filter(|at| (0..=9999).contains(&at.year()))
    }

    fn wall(text: &str) -> Option<PrimitiveDateTime> {
        let at = with_offset(&format!("{text}Z"))?;
        Some(PrimitiveDateTime::new(at.date(), at.time()))
    }

    fn day(text: &str) -> Option<Date> {
        Some(with_offset(&format!("{text}T00:00:00Z"))?.date())
    }

    fn clock(text: &str) -> Option<Time> {
        Some(with_offset(&format!("2000-01-01T{text}Z"))?.time())
    }
}

/// `+10000-01-01` and `-0001-01-01`.
fn is_far_year(text: &str) -> bool {
    text.strip_prefix(['+', '-']).is_some_and(|rest| {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        digits >= 4 && rest.get(digits..).is_some_and(|rest| rest.starts_with('-'))
    })
}
