//! Mistakes in words, without values.

use crate::error::FieldError;
use crate::expr::{Codec, Meta};

/// How many mistakes are reported.
const MAX_MISTAKES: usize = 20;
/// How much of a name is repeated.
const MAX_NAME: usize = 40;

/// What is wrong with the input.
#[derive(Default)]
pub(super) struct Mistakes(Vec<FieldError>);

impl Mistakes {
    pub(super) fn add(&mut self, path: &str, code: &'static str, message: impl Into<String>) {
        if !self.is_full() {
            self.0.push(FieldError::new(path, message).code(code));
        }
    }

    /// Whether to look no further.
    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= MAX_MISTAKES
    }

    pub(super) fn or<T>(self, value: T) -> crate::Result<T> {
        if self.0.is_empty() {
            return Ok(value);
        }
        Err(crate::Error::Invalid(crate::error::Invalid::new(self.0)))
    }
}

/// A name of the input, fit to be repeated.
pub(super) fn name(given: &str) -> String {
    let mut chars =
        given.chars().map(|char| if char.is_control() { char::REPLACEMENT_CHARACTER } else { char });
    let mut name: String = chars.by_ref().take(MAX_NAME).collect();
    if chars.next().is_some() {
        name.push('…');
    }
    name
}

/// `there is no field ..`, the same for columns that are not marked and for names that are nothing.
pub(super) fn no_field(given: &str, marked: &[(usize, &'static str)]) -> String {
    format!(
        "there is no field `{}` here{}",
        name(given),
        did_you_mean(given, marked.iter().map(|(_, name)| *name))
    )
}

pub(super) fn did_you_mean(given: &str, names: impl IntoIterator<Item = &'static str>) -> String {
    let lower = name(given).to_lowercase();
    names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&lower, &name.to_lowercase()), name))
        .filter(|(score, _)| *score >= 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| format!("; did you mean `{name}`?"))
        .unwrap_or_default()
}

/// The place of a marked column.
pub(super) fn marked(marked: &[(usize, &'static str)], given: &str) -> Option<usize> {
    marked.iter().find(|(_, name)| *name == given).map(|(index, _)| *index)
}

/// The column at a place that the derive gave.
pub(super) fn column(meta: &'static Meta, index: usize) -> Option<&'static crate::expr::Col> {
    meta.columns.get(index)
}

/// What a column takes, in words.
pub(super) fn expected(codec: &Codec) -> &'static str {
    let name = (codec.type_name)();
    let name =
        name.strip_prefix("core::option::Option<").and_then(|name| name.strip_suffix('>')).unwrap_or(name);
    match name {
        "i8" => "an integer from -128 to 127",
        "i16" => "an integer from -32768 to 32767",
        "i32" => "an integer from -2147483648 to 2147483647",
        "i64" => "an integer from -9223372036854775808 to 9223372036854775807",
        "u8" => "an integer from 0 to 255",
        "u16" => "an integer from 0 to 65535",
        "u32" => "an integer from 0 to 4294967295",
        "u64" => "an integer from 0 to 18446744073709551615",
        "f32" | "f64" => "a number",
        "bool" => "true or false",
        name if name.ends_with("::Uuid") => "a UUID as text",
        name if name.ends_with("::NaiveDate") => "a date such as \"2024-12-31\", of the years 0 to 9999",
        name if name.ends_with("::NaiveTime") => "a time such as \"23:59:59\"",
        name if name.ends_with("::NaiveDateTime") => {
            "a date and time such as \"2024-12-31T23:59:59\", of the years 0 to 9999"
        }
        name if name.starts_with("chrono::datetime::DateTime<") => {
            "a date and time with its offset such as \"2024-12-31T23:59:59Z\", of the years 0 to 9999"
        }
        name if name.ends_with("::OffsetDateTime") => {
            "a date and time with its offset such as \"2024-12-31T23:59:59Z\", of the years 0 to 9999"
        }
        name if name.ends_with("::PrimitiveDateTime") => {
            "a date and time such as \"2024-12-31T23:59:59\", of the years 0 to 9999"
        }
        "time::date::Date" => "a date such as \"2024-12-31\", of the years 0 to 9999",
        "time::time::Time" => "a time such as \"23:59:59\"",
        name if name.ends_with("::Decimal") => "a number of up to 28 digits, or the text of one",
        _ if codec.text => "a text",
        _ => "a value of the field's type",
    }
}
