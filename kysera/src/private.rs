//! What generated code calls. Not part of the public API: it changes without notice, which is why kysera pins the
//! version of its macros.
#![allow(missing_docs)]

pub use crate::__codec as codec;
pub use crate::entity::{Cells, Mask, Statements, TextCache, Texts, Values};
pub use crate::expr::{AnyValue, Codec, Col, Fill, Meta, Probe, Unique, Unsupported};

/// The value of a column that may be absent.
pub fn given<T: Send + Sync + 'static>(value: &Option<T>) -> Option<&AnyValue> {
    value.as_ref().map(|value| value as &AnyValue)
}
