//! Which plugins an entity has, for methods that need one.

use super::Entity;

/// An entity with the plugin `soft_delete`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no plugin `soft_delete`",
    label = "its rows are not marked as deleted, but removed",
    note = "add `#[kysera::plugin(soft_delete)]` to `{Self}`, and a field `deleted_at: Option<..>` of a time"
)]
pub trait SoftDeleted: Entity {
    /// The type of the column: rows are deleted along those whose column has the same one.
    type Mark;
}

/// An entity with the plugin `timestamps` and a column that takes the time of each update.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no plugin `timestamps` that keeps the time of updates",
    label = "there is no column to touch",
    note = "add `#[kysera::plugin(timestamps)]` to `{Self}`, and fields `created_at` and `updated_at` of a time"
)]
pub trait Timestamped: Entity {}

/// An entity with the plugin `version`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no plugin `version`",
    label = "its rows have no version to compare",
    note = "add `#[kysera::plugin(version)]` to `{Self}`, and a field `version: i32`"
)]
pub trait Versioned: Entity {
    /// The type of the version: an integer.
    type Version: Clone + Send + Sync + 'static;

    /// The row's version: 1 when it was created, one more after each update.
    fn version(&self) -> Self::Version;

    /// A patch that sets every column that an update may set to what it is in this row.
    fn to_patch(&self) -> Self::Patch;
}

/// An entity with the plugin `audit`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no plugin `audit`",
    label = "nothing is written down about its rows",
    note = "add `#[kysera::plugin(audit)]` to `{Self}`"
)]
pub trait Audited: Entity {}

/// An entity with the plugin `rls`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no plugin `rls`",
    label = "anyone may do anything with its rows",
    note = "add `#[kysera::plugin(rls(context = ..))]` to `{Self}`, and a `kysera::rls::Policy`"
)]
pub trait Policed: Entity {
    /// Who asks.
    type Context: Send + Sync + 'static;
}
