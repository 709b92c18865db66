//! Columns, expressions, filters and orders: what queries are made of.
//!
//! The derive makes a [`Column`] of each field. Its methods compute an [`Expr`], which has the same ones, or ask a question,
//! which is a [`Filter`], or say an [`Order`]. All of these are plain data: they can be kept, cloned and
//! combined, know no database, and become text and arguments when a query is sent. Values are always arguments.
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> kysera::Result<()> {
//! use kysera::expr::Expr;
//! use kysera::prelude::*;
//!
//! #[derive(Debug, Repository)]
//! #[kysera(table = "products")]
//! struct Product {
//!     #[kysera(id)]
//!     id: i64,
//!     name: String,
//!     price: i64,
//!     discount: Option<i64>,
//! }
//!
//! /// What it costs.
//! fn cost() -> Expr<Product, i64> {
//!     Product::PRICE.minus(Product::DISCOUNT.coalesce(0))
//! }
//!
//! fn cheap() -> Filter<Product> {
//!     cost().le(10) & !Product::NAME.starts_with("used ")
//! }
//!
//! let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
//! db.raw_sql(
//!     "CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price INTEGER NOT NULL, discount INTEGER);
//!      INSERT INTO products VALUES (1, 'ink', 12, 3), (2, 'used pen', 1, NULL), (3, 'paper', 5, NULL)",
//! )
//! .await?;
//! let products = Product::repo(&db);
//! let found = products.find().filter(cheap()).order_by(cost().desc()).select((Product::NAME, cost())).all().await?;
//! assert_eq!(found, [("ink".into(), 9), ("paper".into(), 5)]);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "sqlite"))]
//! # fn main() {}
//! ```
//!
//! # What is where
//!
//! | for | look at |
//! |---|---|
//! | comparisons, lists, ranges, NULL | [`Column::eq`], [`Column::in_`], [`Column::between`], [`Column::is_null`] |
//! | texts | [`Column::contains`], [`Column::like`], [`Column::eq_ignore_case`], [`Column::lower`], [`Column::length`] |
//! | numbers, casts, values in the place of NULL | [`Column::plus`], [`Column::abs`], [`Column::cast`], [`Column::coalesce`] |
//! | aggregates | [`count()`], [`Column::count_distinct`], [`Column::sum`], [`Column::avg`], [`Column::min`], [`Column::max`] |
//! | within JSON documents | [`Column::json_text`], [`Column::json_number`], [`Column::json_bool`], [`Column::json_has`] |
//! | arrays of PostgreSQL | [`Column::contains_all`], [`Column::contained_in`], [`Column::overlaps`] |
//! | and, or, not | `&`, `\|`, `!` on a [`Filter`]; [`Filter::all`], [`Filter::any`] for many |
//! | SQL that is not here | [`Filter::raw`] |
//! | orders, and where NULLs stand in them | [`Column::asc`], [`Column::desc`], [`Order`] |
//! | types of your own | [`Text`], [`NotNull`], [`JsonDocument`] |

mod claim;
mod column;
mod expression;
mod filter;
mod functions;
mod meta;
mod order;
mod plug;
mod policy;
mod raw;
mod relation;
mod render;
mod term;
mod types;
mod value;

#[doc(hidden)]
pub use claim::ClaimMeta;
pub use claim::{Claim, ClaimList, Claims};
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
pub(crate) use plug::Deleted;
#[doc(hidden)]
pub use plug::{Acting, Audit, Counter, Hooks, Mark, Plug, SoftDelete, Stamp};
pub use plug::{Actor, PluginContext};
pub(crate) use policy::Demand;
pub use policy::{Action, Actions, Effect};
pub(crate) use policy::{Condition, Rule, When};
#[doc(hidden)]
pub use policy::{FieldGuard, FieldRule, PolicyMeta, RuleSet, Standing, TenantColumn};
pub(crate) use raw::raw_term;
pub use raw::{RawArg, RawArgs};
#[doc(hidden)]
pub use relation::{Rel, Via};
#[doc(hidden)]
pub use render::JsonKeys;
pub(crate) use render::{Becomes, Join, LoadKeys, MASKED, Sql, VALUES, dynamic, encode, qualified};
pub use term::{JsonKey, JsonPath};
pub(crate) use term::{RelatedRows, Term, same_value};
#[doc(hidden)]
pub use types::{AggregateKind, CastKind};
pub use types::{Array, CastTarget, JsonDocument, NotNull, Nullable, Number};
pub use value::{AnyValue, Value};
#[doc(hidden)]
pub use value::{Codec, JsonCodec, Probe, Unsupported};
