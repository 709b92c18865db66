//! Types of columns as types of Rust.

use super::super::class::TypeClass;
use super::super::model::{Column, SchemaBackend};
use super::Options;

/// A type of Rust: as it is written, and what has to be imported for that.
pub(super) struct RustType {
    pub(super) text: String,
    pub(super) imports: Vec<&'static str>,
}

const CHRONO: [&str; 5] = [
    "sqlx::types::chrono::DateTime",
    "sqlx::types::chrono::Utc",
    "sqlx::types::chrono::NaiveDate",
    "sqlx::types::chrono::NaiveTime",
    "sqlx::types::chrono::NaiveDateTime",
];

/// The type for a column, without `Option`; `None` for what nobody knows.
pub(super) fn rust_type(
    column: &Column,
    backend: SchemaBackend,
    options: &Options,
    enum_name: &dyn Fn(&str) -> Option<String>,
) -> Option<RustType> {
    if let Some((_, text)) = options.types.iter().find(|(of, _)| *of == column.type_name) {
        return Some(RustType { text: text.clone(), imports: vec![] });
    }
    of_class(&column.class, backend, enum_name)
}

fn of_class(
    class: &TypeClass,
    backend: SchemaBackend,
    enum_name: &dyn Fn(&str) -> Option<String>,
) -> Option<RustType> {
    let [date_time, utc, date, time, naive] = CHRONO;
    let plain = |text: &str| RustType { text: text.into(), imports: vec![] };
    let moment = || RustType { text: "DateTime<Utc>".into(), imports: vec![date_time, utc] };
    Some(match class {
        TypeClass::Bool => plain("bool"),
        TypeClass::Int8 => plain("i8"),
        TypeClass::Int16 => plain("i16"),
        TypeClass::Int32 => plain("i32"),
        TypeClass::Int64 => plain("i64"),
        TypeClass::UInt8 => plain("u8"),
        TypeClass::UInt16 => plain("u16"),
        TypeClass::UInt32 => plain("u32"),
        TypeClass::UInt64 => plain("u64"),
        TypeClass::Float32 => plain("f32"),
        TypeClass::Float64 => plain("f64"),
        // Numbers of SQLite's are integers or floats, each by itself.
        TypeClass::Decimal if backend == SchemaBackend::Sqlite => return None,
        TypeClass::Decimal => RustType { text: "Decimal".into(), imports: vec!["sqlx::types::Decimal"] },
        TypeClass::Text => plain("String"),
        TypeClass::Bytes => plain("Vec<u8>"),
        TypeClass::Uuid => RustType { text: "Uuid".into(), imports: vec!["sqlx::types::Uuid"] },
        TypeClass::Date => RustType { text: "NaiveDate".into(), imports: vec![date] },
        TypeClass::Time => RustType { text: "NaiveTime".into(), imports: vec![time] },
        TypeClass::Timestamp if backend == SchemaBackend::Postgres => {
            RustType { text: "NaiveDateTime".into(), imports: vec![naive] }
        }
        TypeClass::Timestamp | TypeClass::TimestampTz => moment(),
        TypeClass::Json => RustType { text: "JsonValue".into(), imports: vec!["sqlx::types::JsonValue"] },
        TypeClass::Enum(name) => RustType { text: enum_name(name)?, imports: vec![] },
        TypeClass::Array(of) => {
            let RustType { text, imports } = of_class(of, backend, enum_name)?;
            RustType { text: format!("Vec<{text}>"), imports }
        }
        TypeClass::TimeTz
        | TypeClass::Interval
        | TypeClass::Bits
        | TypeClass::Inet
        | TypeClass::MacAddr
        | TypeClass::Other => return None,
    })
}
