//! Columns, filters, orders: plain data, rendered into text and arguments.

mod column;
mod filter;
mod meta;
mod order;
mod render;
mod value;

pub use column::{Column, Columns, IntoColumn, Text};
pub use filter::Filter;
pub(crate) use filter::Node;
#[doc(hidden)]
pub use meta::{Col, Fill, Meta, Unique};
pub use order::Order;
pub(crate) use order::OrderKey;
pub(crate) use render::{Sql, dynamic, encode};
pub use value::{AnyValue, Value};
#[doc(hidden)]
pub use value::{Codec, Probe, Unsupported};
