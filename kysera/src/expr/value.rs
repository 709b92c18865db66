//! Type-erased values that still bind natively.

use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::error::BoxDynError;
use sqlx::{Arguments, Database};

use crate::backend::{Fit, Fits, Scalar};

/// What is shown in the place of a value that is for nobody's eyes.
pub(crate) const COVERED: &str = "***";

/// A value of some column's type.
pub type AnyValue = dyn Any + Send + Sync;

/// A shared value of some column's type.
pub type Value = Arc<AnyValue>;

type Bind<DB> = fn(&AnyValue, &mut <DB as Database>::Arguments) -> Result<(), BoxDynError>;

/// What each driver contributes to a [`Codec`]. A driver that is off contributes `()`, so that the macros, which
/// cannot know, always write the same fields.
mod driver {
    #[cfg(feature = "postgres")]
    mod postgres {
        use super::super::{AnyValue, Bind};
        pub(crate) type Postgres = Option<Bind<sqlx::Postgres>>;
        pub(crate) type PostgresArray = Option<
            fn(&[&AnyValue], &mut sqlx::postgres::PgArguments) -> Result<(), sqlx::error::BoxDynError>,
        >;
        pub(crate) type PostgresWire =
            Option<(fn() -> sqlx::postgres::PgTypeInfo, fn(&AnyValue) -> Option<Vec<u8>>)>;
        pub(crate) const POSTGRES: Postgres = None;
        pub(crate) const POSTGRES_ARRAY: PostgresArray = None;
        pub(crate) const POSTGRES_WIRE: PostgresWire = None;
    }
    #[cfg(not(feature = "postgres"))]
    mod postgres {
        pub(crate) type Postgres = ();
        pub(crate) type PostgresArray = ();
        pub(crate) type PostgresWire = ();
        pub(crate) const POSTGRES: Postgres = ();
        pub(crate) const POSTGRES_ARRAY: PostgresArray = ();
        pub(crate) const POSTGRES_WIRE: PostgresWire = ();
    }
    #[cfg(feature = "mysql")]
    mod mysql {
        pub(crate) type MySql = Option<super::super::Bind<sqlx::MySql>>;
        pub(crate) type MySqlType = Option<fn() -> sqlx::mysql::MySqlTypeInfo>;
        pub(crate) const MYSQL: MySql = None;
        pub(crate) const MYSQL_TYPE: MySqlType = None;
    }
    #[cfg(not(feature = "mysql"))]
    mod mysql {
        pub(crate) type MySql = ();
        pub(crate) type MySqlType = ();
        pub(crate) const MYSQL: MySql = ();
        pub(crate) const MYSQL_TYPE: MySqlType = ();
    }
    #[cfg(feature = "sqlite")]
    mod sqlite {
        pub(crate) type Sqlite = Option<super::super::Bind<sqlx::Sqlite>>;
        pub(crate) type SqliteType = Option<fn() -> sqlx::sqlite::SqliteTypeInfo>;
        pub(crate) const SQLITE: Sqlite = None;
        pub(crate) const SQLITE_TYPE: SqliteType = None;
    }
    #[cfg(not(feature = "sqlite"))]
    mod sqlite {
        pub(crate) type Sqlite = ();
        pub(crate) type SqliteType = ();
        pub(crate) const SQLITE: Sqlite = ();
        pub(crate) const SQLITE_TYPE: SqliteType = ();
    }
    pub(crate) use {mysql::*, postgres::*, sqlite::*};
}

/// What statements need to know of a column's type: how to send it to each database that has it.
///
/// One per type, made by `codec!`: the inherent constants of [`Probe`] exist where the type's bounds hold and shadow
/// those of [`Unsupported`], so that a missing implementation is `None` and not a compile error.
#[doc(hidden)]
pub struct Codec {
    pub postgres: driver::Postgres,
    /// Many values as one array argument; `None` for types that are arrays themselves.
    pub postgres_array: driver::PostgresArray,
    /// What PostgreSQL calls the type, and a value as it is sent.
    pub postgres_wire: driver::PostgresWire,
    pub mysql: driver::MySql,
    /// What MySQL calls the type.
    pub mysql_type: driver::MySqlType,
    pub sqlite: driver::Sqlite,
    /// What SQLite calls the type.
    pub sqlite_type: driver::SqliteType,
    pub is_null: fn(&AnyValue) -> bool,
    /// Whether the type is an `Option`.
    pub nullable: bool,
    /// Whether it can be searched as text.
    pub text: bool,
    /// Whether its values are JSON documents.
    pub document: bool,
    /// Whether its values are for nobody's eyes.
    pub sensitive: bool,
    /// To and from JSON, where serde knows the type.
    pub json: Option<JsonCodec>,
    pub type_name: fn() -> &'static str,
}

/// How values of a type become JSON, and the other way round.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct JsonCodec {
    pub to: fn(&AnyValue) -> serde_json::Result<serde_json::Value>,
    pub from: fn(serde_json::Value) -> serde_json::Result<Value>,
}

impl Codec {
    /// Whether PostgreSQL takes values of the type as an array.
    pub(crate) fn has_postgres_array(&self) -> bool {
        #[cfg(feature = "postgres")]
        return self.postgres_array.is_some();
        #[cfg(not(feature = "postgres"))]
        return false;
    }

    /// What PostgreSQL calls the type.
    pub(crate) fn postgres_name(&self) -> Option<String> {
        #[cfg(feature = "postgres")]
        return self.postgres_wire.map(|(info, _)| sqlx::TypeInfo::name(&info()).to_owned());
        #[cfg(not(feature = "postgres"))]
        return None;
    }

    /// A value as a text that PostgreSQL reads as one of the type; `None` where that is not known. Not for NULL.
    #[cfg(feature = "postgres")]
    pub(crate) fn postgres_literal(&self, value: &AnyValue) -> Option<String> {
        let (info, bytes) = self.postgres_wire?;
        let info = info();
        let bytes = || bytes(value);
        match sqlx::TypeInfo::name(&info) {
            "BOOL" => Some(if bytes()? == [0] { "false" } else { "true" }.into()),
            "INT2" => Some(i16::from_be_bytes(bytes()?.try_into().ok()?).to_string()),
            "INT4" => Some(i32::from_be_bytes(bytes()?.try_into().ok()?).to_string()),
            "INT8" => Some(i64::from_be_bytes(bytes()?.try_into().ok()?).to_string()),
            "FLOAT4" => Some(f32::from_be_bytes(bytes()?.try_into().ok()?).to_string()),
            "FLOAT8" => Some(f64::from_be_bytes(bytes()?.try_into().ok()?).to_string()),
            "BYTEA" => Some(bytes()?.iter().fold("\\x".to_owned(), |text, byte| format!("{text}{byte:02x}"))),
            "TEXT" | "VARCHAR" | "CHAR" | "NAME" | "CITEXT" | "citext" => String::from_utf8(bytes()?).ok(),
            "JSON" | "JSONB" => Some((self.json?.to)(value).ok()?.to_string()),
            // Their elements are not told apart from the rest.
            name if name.ends_with("[]") => None,
            // Types of the database's own are enums, which are sent as their names.
            name if !is_builtin(name) => String::from_utf8(bytes()?).ok(),
            // Times, decimals, ids: as serde writes them.
            _ => match (self.json?.to)(value).ok()? {
                serde_json::Value::String(text) => Some(text),
                serde_json::Value::Number(number) => Some(number.to_string()),
                _ => None,
            },
        }
    }

    /// A value as people read it, unless it is nobody's to read.
    pub(crate) fn shown(&self, value: &AnyValue) -> String {
        if self.sensitive {
            return COVERED.into();
        }
        if (self.is_null)(value) {
            return "NULL".into();
        }
        match self.json.and_then(|json| (json.to)(value).ok()) {
            Some(json) => json.to_string(),
            None => format!("<{}>", (self.type_name)()),
        }
    }

    /// A value as JSON that [`of_exact_json`](Self::of_exact_json) makes the very same value of; `None` if the type
    /// has no such form. Not for NULL.
    pub(crate) fn to_exact_json(&self, value: &AnyValue) -> Option<serde_json::Value> {
        // By their bits: JSON has neither NaN nor infinities.
        if let Some(bits) = f64_of(value).map(f64::to_bits) {
            return Some(bits.into());
        }
        if let Some(bits) = f32_of(value).map(f32::to_bits) {
            return Some(bits.into());
        }
        (self.json?.to)(value).ok().filter(|json| !json.is_null())
    }

    /// The value of such a JSON; `None` if it is none of the type.
    pub(crate) fn of_exact_json(&self, json: serde_json::Value) -> Option<Value> {
        let name = (self.type_name)();
        let is =
            |plain: fn() -> &'static str, option: fn() -> &'static str| name == plain() || name == option();
        if is(std::any::type_name::<f64>, std::any::type_name::<Option<f64>>) {
            let float = f64::from_bits(json.as_u64()?);
            return Some(if self.nullable { Arc::new(Some(float)) } else { Arc::new(float) });
        }
        if is(std::any::type_name::<f32>, std::any::type_name::<Option<f32>>) {
            let float = f32::from_bits(json.as_u64()?.try_into().ok()?);
            return Some(if self.nullable { Arc::new(Some(float)) } else { Arc::new(float) });
        }
        (self.json?.from)(json).ok().filter(|value| !(self.is_null)(&**value))
    }

    /// Whether MySQL compares values of the type by a collation.
    pub(crate) fn is_mysql_text(&self) -> bool {
        #[cfg(feature = "mysql")]
        return self.mysql_type.is_some_and(|info| {
            let name = sqlx::TypeInfo::name(&info()).to_owned();
            ["CHAR", "TEXT", "ENUM"].iter().any(|text| name.contains(text))
        });
        #[cfg(not(feature = "mysql"))]
        return false;
    }

    /// Whether the type is one that MySQL can generate: an integer.
    pub(crate) fn is_mysql_integer(&self) -> bool {
        #[cfg(feature = "mysql")]
        return self.mysql_type.is_some_and(|info| sqlx::TypeInfo::name(&info()).contains("INT"));
        #[cfg(not(feature = "mysql"))]
        return false;
    }

    /// Whether MySQL stores the type as bytes.
    pub(crate) fn is_mysql_binary(&self) -> bool {
        self.mysql_type_is(&["BINARY", "VARBINARY", "BLOB", "TINYBLOB", "MEDIUMBLOB", "LONGBLOB"])
    }

    /// The value as a real number, if it is one.
    pub(crate) fn real(&self, value: &AnyValue) -> Option<f64> {
        let single = f32_of(value).map(f64::from);
        f64_of(value).or(single).or_else(|| (self.json?.to)(value).ok()?.as_f64())
    }

    /// Whether SQLite stores the type as this.
    pub(crate) fn sqlite_type_is(&self, name: &str) -> bool {
        #[cfg(feature = "sqlite")]
        return self.sqlite_type.is_some_and(|info| sqlx::TypeInfo::name(&info()) == name);
        #[cfg(not(feature = "sqlite"))]
        {
            let _ = name;
            false
        }
    }

    /// Whether MySQL calls the type one of these.
    pub(crate) fn mysql_type_is(&self, names: &[&str]) -> bool {
        #[cfg(feature = "mysql")]
        return self.mysql_type.is_some_and(|info| names.contains(&sqlx::TypeInfo::name(&info())));
        #[cfg(not(feature = "mysql"))]
        {
            let _ = names;
            false
        }
    }
}

/// Whether sqlx knows the type by itself: it writes those in capitals.
#[cfg(feature = "postgres")]
fn is_builtin(name: &str) -> bool {
    name.chars().all(|char| char.is_ascii_uppercase() || char.is_ascii_digit())
}

fn f64_of(value: &AnyValue) -> Option<f64> {
    value.downcast_ref().copied().or_else(|| *value.downcast_ref::<Option<f64>>()?)
}

fn f32_of(value: &AnyValue) -> Option<f32> {
    value.downcast_ref().copied().or_else(|| *value.downcast_ref::<Option<f32>>()?)
}

#[doc(hidden)]
pub struct Probe<T>(PhantomData<T>);

#[doc(hidden)]
pub trait Unsupported {
    const POSTGRES: driver::Postgres = driver::POSTGRES;
    const POSTGRES_ARRAY: driver::PostgresArray = driver::POSTGRES_ARRAY;
    const POSTGRES_WIRE: driver::PostgresWire = driver::POSTGRES_WIRE;
    const MYSQL: driver::MySql = driver::MYSQL;
    const MYSQL_TYPE: driver::MySqlType = driver::MYSQL_TYPE;
    const SQLITE: driver::Sqlite = driver::SQLITE;
    const SQLITE_TYPE: driver::SqliteType = driver::SQLITE_TYPE;
    const IS_NULL: fn(&AnyValue) -> bool = |_| false;
    const NULLABLE: bool = false;
    const TEXT: bool = false;
    const DOCUMENT: bool = false;
    const JSON: Option<JsonCodec> = None;
    const FIT: Option<Fit> = None;
}

impl<T> Unsupported for Probe<T> {}

#[cfg(feature = "postgres")]
impl<T: Scalar<sqlx::Postgres>> Probe<T> {
    pub const POSTGRES: driver::Postgres = Some(bind_as::<T, sqlx::Postgres>);
    pub const POSTGRES_WIRE: driver::PostgresWire =
        Some((<T as sqlx::Type<sqlx::Postgres>>::type_info, postgres_bytes::<T>));
}

#[cfg(feature = "postgres")]
impl<T: Scalar<sqlx::Postgres> + sqlx::postgres::PgHasArrayType> Probe<T> {
    pub const POSTGRES_ARRAY: driver::PostgresArray = Some(bind_array_as::<T>);
}

#[cfg(feature = "mysql")]
impl<T: Scalar<sqlx::MySql>> Probe<T> {
    pub const MYSQL: driver::MySql = Some(bind_mysql_as::<T>);
    pub const MYSQL_TYPE: driver::MySqlType = Some(<T as sqlx::Type<sqlx::MySql>>::type_info);
}

#[cfg(feature = "sqlite")]
impl<T: Scalar<sqlx::Sqlite>> Probe<T> {
    pub const SQLITE: driver::Sqlite = Some(bind_as::<T, sqlx::Sqlite>);
    pub const SQLITE_TYPE: driver::SqliteType = Some(<T as sqlx::Type<sqlx::Sqlite>>::type_info);
}

impl<T: 'static> Probe<Option<T>> {
    pub const IS_NULL: fn(&AnyValue) -> bool =
        |value| value.downcast_ref::<Option<T>>().is_some_and(Option::is_none);
    pub const NULLABLE: bool = true;
}

impl<T: Fits> Probe<T> {
    pub const FIT: Option<Fit> = Some(T::FIT);
}

impl<T: super::Text> Probe<T> {
    pub const TEXT: bool = true;
}

impl<T: super::JsonDocument> Probe<T> {
    pub const DOCUMENT: bool = true;
}

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Probe<T> {
    pub const JSON: Option<JsonCodec> = Some(JsonCodec {
        to: |value| match value.downcast_ref::<T>() {
            Some(value) => serde_json::to_value(value),
            None => Err(serde::ser::Error::custom(mismatch::<T>())),
        },
        from: |value| serde_json::from_value::<T>(value).map(|value| Arc::new(value) as Value),
    });
}

/// The [`Codec`] of a type, as a `&'static`.
#[doc(hidden)]
#[macro_export]
macro_rules! __codec {
    ($type:ty) => {
        $crate::__codec!($type, false)
    };
    ($type:ty, $sensitive:expr) => {{
        #[allow(unused_imports)]
        use $crate::__private::Unsupported as _;
        const CODEC: &$crate::__private::Codec = &$crate::__private::Codec {
            postgres: $crate::__private::Probe::<$type>::POSTGRES,
            postgres_array: $crate::__private::Probe::<$type>::POSTGRES_ARRAY,
            postgres_wire: $crate::__private::Probe::<$type>::POSTGRES_WIRE,
            mysql: $crate::__private::Probe::<$type>::MYSQL,
            mysql_type: $crate::__private::Probe::<$type>::MYSQL_TYPE,
            sqlite: $crate::__private::Probe::<$type>::SQLITE,
            sqlite_type: $crate::__private::Probe::<$type>::SQLITE_TYPE,
            is_null: $crate::__private::Probe::<$type>::IS_NULL,
            nullable: $crate::__private::Probe::<$type>::NULLABLE,
            text: $crate::__private::Probe::<$type>::TEXT,
            document: $crate::__private::Probe::<$type>::DOCUMENT,
            sensitive: $sensitive,
            json: $crate::__private::Probe::<$type>::JSON,
            type_name: ::core::any::type_name::<$type>,
        };
        CODEC
    }};
}

fn mismatch<T>() -> BoxDynError {
    format!("expected a value of type `{}`", std::any::type_name::<T>()).into()
}

#[cfg(any(feature = "postgres", feature = "sqlite"))]
fn bind_as<T: Scalar<DB>, DB: Database>(
    value: &AnyValue,
    args: &mut DB::Arguments,
) -> Result<(), BoxDynError> {
    args.add(value.downcast_ref::<T>().ok_or_else(mismatch::<T>)?)
}

#[cfg(feature = "postgres")]
fn postgres_bytes<T: Scalar<sqlx::Postgres>>(value: &AnyValue) -> Option<Vec<u8>> {
    let mut buffer = sqlx::postgres::PgArgumentBuffer::default();
    let sent = value.downcast_ref::<T>()?.encode_by_ref(&mut buffer).ok()?;
    (!sent.is_null()).then(|| buffer.to_vec())
}

#[cfg(feature = "mysql")]
fn bind_mysql_as<T: Scalar<sqlx::MySql>>(
    value: &AnyValue,
    args: &mut sqlx::mysql::MySqlArguments,
) -> Result<(), BoxDynError> {
    args.add(crate::backend::MySqlArgument(value.downcast_ref::<T>().ok_or_else(mismatch::<T>)?))
}

#[cfg(feature = "postgres")]
fn bind_array_as<T: Scalar<sqlx::Postgres> + sqlx::postgres::PgHasArrayType>(
    values: &[&AnyValue],
    args: &mut sqlx::postgres::PgArguments,
) -> Result<(), BoxDynError> {
    use sqlx::postgres::PgBindIterExt;
    // Checked before, because leaving one out would shift the others into the wrong rows.
    if !values.iter().all(|value| value.is::<T>()) {
        return Err(mismatch::<T>());
    }
    args.add(values.iter().filter_map(|value| value.downcast_ref::<T>()).bind_iter())
}
