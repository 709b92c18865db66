//! What generated code calls. Not part of the public API: it changes without notice, which is why kysera pins the
//! version of its macros.
#![allow(missing_docs)]

#[cfg(feature = "garde")]
pub mod garde;
mod plugin;
pub mod rls;
#[cfg(feature = "validator")]
pub mod validator;

use serde::{Deserialize, Deserializer};

pub use self::plugin::{Cascade, after_write, along};
pub use crate::__codec as codec;
pub use crate::backend::{Dialect, fits};
pub use crate::entity::{Cells, Changes, Custom, Mask, Statements, TextCache, Texts, Values, Written};
pub use crate::error::{ConstraintFacts, ViolationKind};
pub use crate::expr::{
    AnyValue, Audit, Codec, Col, Counter, Fill, Hooks, Mark, Meta, Plug, PluginContext, Probe, Rel, Scope,
    SoftDelete, Stamp, Unique, Unsupported,
};
pub use crate::observe::Wire;
pub use crate::plugin::{
    DeletedAt, Facts, PluginSet, PluginTx, Timestamp, VersionNumber, after_write_of, check, facts_of,
    first_version, scope_of, stamp,
};
pub use futures_util::future::BoxFuture;

pub use crate::query::projected;

/// What a projection selects.
pub type Terms = Vec<crate::expr::TermBox>;

/// The value of a column that may be absent.
pub fn given<T: Send + Sync + 'static>(value: &Option<T>) -> Option<&AnyValue> {
    value.as_ref().map(|value| value as &AnyValue)
}

/// Reads a field of a patch: what is there is `Some`, whatever it holds, so that NULL is not taken for absent.
///
/// # Errors
///
/// What the value's own `Deserialize` says.
pub fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A type whose `#[kysera::plugin(..)]` the derive has read.
#[diagnostic::on_unimplemented(
    message = "`#[kysera::plugin]` has no effect: nothing derives `Repository` for `{Self}`",
    label = "not derived with its plugins",
    note = "add `#[derive(kysera::Repository)]`; if the derive is imported under another name, put it in front of \
            `#[kysera::plugin(..)]`"
)]
pub trait Plugged {}

/// Compiles for such types alone.
pub const fn plugged<T: Plugged>() {}

/// A type whose values can come from outside.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be `filterable`: serde cannot read and write it",
    label = "needs `serde::Deserialize` and `serde::Serialize`",
    note = "derive both for it, switch on the feature `serde` of the crate that it is from, or take `filterable` away"
)]
pub trait FromOutside {}

#[diagnostic::do_not_recommend]
impl<T: serde::Serialize + serde::de::DeserializeOwned + Send + Sync + 'static> FromOutside for T {}

/// Compiles for such types alone.
pub const fn from_outside<T: FromOutside>() {}

/// A path as people know it: fields without the `r#` of their Rust names.
#[cfg(any(feature = "garde", feature = "validator"))]
fn plain(path: &str) -> String {
    path.split('.').map(|part| part.strip_prefix("r#").unwrap_or(part)).collect::<Vec<_>>().join(".")
}

/// What has the constants of an entity's columns: its struct, or the type that `columns = ..` makes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no columns of an entity",
    label = "expected the struct of an entity, or the type of its columns"
)]
pub trait ColumnsOf {
    type Entity: crate::entity::Entity;
}

#[diagnostic::do_not_recommend]
impl<E: crate::entity::Entity> ColumnsOf for E {
    type Entity = E;
}
