//! Columns, expressions, filters, orders: plain data, rendered into text and arguments.

mod column;
mod expression;
mod filter;
mod functions;
mod meta;
mod order;
mod raw;
mod relation;
mod render;
mod term;
mod types;
mod value;

pub use column::{Column, Columns, IntoColumn, Text};
pub(crate) use expression::nullable;
pub(crate) use expression::operand_term;
pub use expression::{Expr, Expression, IntoOperand, Operand, count};
#[doc(hidden)]
pub use expression::{OperandKind, Subject, TermBox, operand};
pub use filter::Filter;
pub(crate) use filter::{Compare, Node, TextMatch};
#[doc(hidden)]
pub use meta::{Col, Fill, Meta, Scope, Unique};
pub use order::Order;
pub(crate) use order::{Nulls, OrderKey};
pub use raw::{RawArg, RawArgs};
#[doc(hidden)]
pub use relation::{Rel, Via};
#[doc(hidden)]
pub use render::JsonKeys;
pub(crate) use render::{Join, LoadKeys, Sql, dynamic, encode, qualified};
pub use term::{JsonKey, JsonPath};
pub(crate) use term::{RelatedRows, Term};
#[doc(hidden)]
pub use types::{AggregateKind, CastKind};
pub use types::{Array, CastTarget, JsonDocument, NotNull, Nullable, Number};
pub use value::{AnyValue, Value};
#[doc(hidden)]
pub use value::{Codec, JsonCodec, Probe, Unsupported};
