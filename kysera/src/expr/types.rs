//! What expressions need to know of types.

use super::term::AggregateFunction;
use super::value::Codec;
use crate::__private::codec;

/// A column type whose values are never NULL: all but `Option`.
///
/// `min`, `max`, casts and columns read through a relation make an `Option` of a type, unless it is one already. For a
/// type of your own write `impl kysera::expr::NotNull for Money {}`.
#[diagnostic::on_unimplemented(
    message = "kysera does not know that a `{Self}` is never NULL",
    label = "needs `NotNull`",
    note = "for a type of your own write `impl kysera::expr::NotNull for {Self} {{}}`"
)]
pub trait NotNull: Send + Sync + 'static {}

/// A [`NotNull`] type or an `Option` of one.
#[diagnostic::on_unimplemented(
    message = "kysera does not know whether a `{Self}` may be NULL",
    label = "a column of type `{Self}`",
    note = "for a type of your own write `impl kysera::expr::NotNull for {Self} {{}}`"
)]
pub trait Nullable: Send + Sync + 'static {
    /// The type without its `Option`.
    type Inner: NotNull;
    /// Another type, which is an `Option` if this one is.
    type With<U>;

    #[doc(hidden)]
    fn from_inner(inner: Self::Inner) -> Self;
    #[doc(hidden)]
    fn some<U>(value: Self::With<U>) -> Option<U>;
}

#[diagnostic::do_not_recommend]
impl<T: NotNull> Nullable for T {
    type Inner = T;
    type With<U> = U;

    fn from_inner(inner: T) -> Self {
        inner
    }

    fn some<U>(value: U) -> Option<U> {
        Some(value)
    }
}

impl<T: NotNull> Nullable for Option<T> {
    type Inner = T;
    type With<U> = Option<U>;

    fn from_inner(inner: T) -> Self {
        Some(inner)
    }

    fn some<U>(value: Option<U>) -> Option<U> {
        value
    }
}

macro_rules! not_null {
    ($($type:ty),* $(,)?) => { $(impl NotNull for $type {})* };
}
not_null!(bool, i8, i16, i32, i64, u8, u16, u32, u64, f32, f64, String, Box<str>);
impl<T: Send + Sync + 'static> NotNull for Vec<T> {}
impl NotNull for crate::entity::Operation {}
#[cfg(feature = "json")]
impl<T: Send + Sync + 'static> NotNull for sqlx::types::Json<T> {}
#[cfg(feature = "json")]
not_null!(serde_json::Value);
#[cfg(feature = "uuid")]
not_null!(sqlx::types::Uuid);
#[cfg(feature = "decimal")]
not_null!(sqlx::types::Decimal);
#[cfg(feature = "chrono")]
not_null!(
    sqlx::types::chrono::DateTime<sqlx::types::chrono::Utc>,
    sqlx::types::chrono::DateTime<sqlx::types::chrono::FixedOffset>,
    sqlx::types::chrono::DateTime<sqlx::types::chrono::Local>,
    sqlx::types::chrono::NaiveDateTime,
    sqlx::types::chrono::NaiveDate,
    sqlx::types::chrono::NaiveTime,
);
#[cfg(feature = "time")]
not_null!(
    sqlx::types::time::OffsetDateTime,
    sqlx::types::time::PrimitiveDateTime,
    sqlx::types::time::Date,
    sqlx::types::time::Time,
);

/// A type that can be added up.
///
/// | | `sum` | `avg` |
/// |---|---|---|
/// | integers | `i64`; a sum beyond its range is an error of the database | `f64` |
/// | `f32`, `f64` | `f64` | `f64` |
/// | `Decimal` | `Decimal` | `Decimal` |
#[diagnostic::on_unimplemented(
    message = "a column of type `{Self}` holds no numbers",
    label = "not a number"
)]
pub trait Number: NotNull {
    /// The type of a sum.
    type Sum: NotNull;
    /// The type of an average.
    type Avg: NotNull;

    #[doc(hidden)]
    const SUM: (AggregateKind, &'static Codec);
    #[doc(hidden)]
    const AVG: (AggregateKind, &'static Codec);
}

/// Hides the functions from the public API.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct AggregateKind(pub(crate) AggregateFunction);

macro_rules! numbers {
    ($sum:ty, $sum_as:ident, $avg:ty, $avg_as:ident: $($type:ty),*) => { $(
        impl Number for $type {
            type Sum = $sum;
            type Avg = $avg;
            const SUM: (AggregateKind, &'static Codec) =
                (AggregateKind(AggregateFunction::$sum_as), codec!(Option<$sum>));
            const AVG: (AggregateKind, &'static Codec) =
                (AggregateKind(AggregateFunction::$avg_as), codec!(Option<$avg>));
        }
    )* };
}
numbers!(i64, SumInteger, f64, AvgFloat: i8, i16, i32, i64, u8, u16, u32);
numbers!(f64, SumFloat, f64, AvgFloat: f32, f64);
#[cfg(feature = "decimal")]
numbers!(sqlx::types::Decimal, Sum, sqlx::types::Decimal, Avg: sqlx::types::Decimal);

/// What an expression can be cast to: `i64`, `f64` or `String`.
#[diagnostic::on_unimplemented(
    message = "nothing can be cast to `{Self}`",
    label = "cast to `i64`, `f64` or `String`"
)]
pub trait CastTarget: NotNull {
    #[doc(hidden)]
    const CAST: (CastKind, &'static Codec);
}

/// Hides the casts from the public API.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct CastKind(pub(crate) super::term::Cast);

macro_rules! casts {
    ($($type:ty: $cast:ident),*) => { $(
        impl CastTarget for $type {
            const CAST: (CastKind, &'static Codec) = (CastKind(super::term::Cast::$cast), codec!($type));
        }
    )* };
}
casts!(i64: Integer, f64: Float, String: Text);

/// A type whose columns hold JSON documents.
///
/// Implement it for a type of your own that is stored as JSON: `impl kysera::expr::JsonDocument for Settings {}`.
#[diagnostic::on_unimplemented(
    message = "a column of type `{Self}` holds no JSON",
    label = "not JSON",
    note = "for a type of your own that is stored as JSON write `impl kysera::expr::JsonDocument for {Self} {{}}`"
)]
pub trait JsonDocument {}

#[cfg(feature = "json")]
impl<T> JsonDocument for sqlx::types::Json<T> {}
#[cfg(feature = "json")]
impl JsonDocument for serde_json::Value {}
impl<T: JsonDocument> JsonDocument for Option<T> {}

/// A type whose columns hold arrays, which PostgreSQL has.
#[diagnostic::on_unimplemented(message = "a column of type `{Self}` holds no arrays", label = "not an array")]
pub trait Array {}

impl<T> Array for Vec<T> {}
impl<T: Array> Array for Option<T> {}
