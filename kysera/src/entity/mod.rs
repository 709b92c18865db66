//! The contract between the macros and the runtime.

mod cells;
mod draft;
mod plugged;
mod texts;
mod written;

use std::fmt::Debug;
use std::future::Future;
use std::hash::Hash;

pub use cells::Cells;
pub use draft::Changes;
pub(crate) use draft::{Draft, Others};
pub use plugged::{Audited, Policed, SoftDeleted, Timestamped, Versioned};
pub(crate) use texts::TextKind;
pub use texts::{Mask, Statements, TextCache, Texts};
pub use written::{Operation, UnknownOperation, Written};

use crate::backend::Backend;
use crate::error::{Invalid, Result};
use crate::expr::{AnyValue, Hooks, Meta, PluginContext};
use crate::observe::Wire;
use crate::write::Cascade;

/// A struct whose values are rows of a table. Derived with [`Repository`](crate::Repository).
pub trait Entity: Values + Sized + Send + Sync + Unpin + 'static {
    /// The primary key; a tuple if it has several columns.
    type Id: Key;
    /// What it takes to create a row.
    type New: New<Entity = Self>;
    /// What an update may change.
    type Patch: Patch<Entity = Self>;

    /// What is known of the table.
    #[doc(hidden)]
    const META: &'static Meta;
    /// The statements whose text never changes.
    #[doc(hidden)]
    const TEXTS: &'static Texts;

    /// The row's primary key.
    fn id(&self) -> Self::Id;

    /// One column of a key.
    #[doc(hidden)]
    fn id_value(id: &Self::Id, part: usize) -> &AnyValue;

    /// Statements whose text depends on which columns are given: built once, kept here.
    #[doc(hidden)]
    fn text_cache() -> &'static TextCache;

    /// What its own plugins make of a new row.
    #[doc(hidden)]
    fn before_create(_row: &mut Changes<'_, Self>, _cx: &PluginContext<'_>) -> Result<()> {
        Ok(())
    }

    /// What its own plugins make of an update.
    #[doc(hidden)]
    fn before_update(_changes: &mut Changes<'_, Self>, _cx: &PluginContext<'_>) -> Result<()> {
        Ok(())
    }

    /// Whether it has plugins of its own, and whether one of them wants to see what was written.
    #[doc(hidden)]
    const CUSTOM: Custom = Custom::NONE;
}

/// What is known of an entity's own plugins.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Custom {
    pub any: bool,
    pub after_write: bool,
}

impl Custom {
    /// There are none.
    pub const NONE: Custom = Custom { any: false, after_write: false };
}

/// An [`Entity`] that fits a database: all its column types do.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored in `{DB}`",
    label = "not an entity of `{DB}`",
    note = "either a field has a type that `{DB}` does not have, or `#[kysera(backend(..))]` leaves `{DB}` out"
)]
pub trait On<DB: Backend>: Entity {
    /// Makes the struct of the cells of a row, in the order of its columns.
    #[doc(hidden)]
    fn decode(cells: &mut Cells<'_, DB>) -> Result<Self>;

    /// Lets rows at the other end of relations be deleted and restored along.
    #[doc(hidden)]
    fn cascade(_cascade: Cascade<'_, DB, Self>) {}

    /// Shows its own plugins what was written.
    #[doc(hidden)]
    fn after_write<'a>(
        written: Written<'a, Self>,
        wire: Wire<'a, DB>,
        schema: Option<&'a str>,
        cx: PluginContext<'a>,
    ) -> impl Future<Output = Result<()>> + Send + 'a {
        let _ = (written, wire, schema, cx);
        std::future::ready(Ok(()))
    }
}

/// Who may build a repository of an entity: any context, unless `#[kysera(context = ..)]` asks for one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be reached with a source whose context is `{C}`",
    label = "the source's context is `{C}`",
    note = "it names another one, with `#[kysera(context = ..)]` or with the plugin `rls`: give that to the source with \
            `db.with_context(..)`, or say why you need none with `db.unrestricted(\"..\")`"
)]
pub trait Guard<C>: Entity {
    /// What writes need to know of the context's type.
    #[doc(hidden)]
    const HOOKS: &'static Hooks = &Hooks::NONE;
}

/// Something that has a value for some columns of an entity: a row, what makes one, what changes one.
#[doc(hidden)]
pub trait Values: Send + Sync {
    /// The value of the column with this index, or `None` where there is none.
    fn value(&self, column: usize) -> Option<&AnyValue>;
}

/// What it takes to create a row: the `NewX` of an entity `X`.
pub trait New: Values + Validate + Unpin + 'static {
    /// The entity.
    type Entity: Entity<New = Self>;
}

/// What an update changes: the `XPatch` of an entity `X`. Absent, NULL and value are three different things.
pub trait Patch: Values + Validate + Unpin + 'static {
    /// The entity.
    type Entity: Entity<Patch = Self>;

    /// Whether it changes nothing.
    fn is_empty(&self) -> bool;
}

/// A type that can be a primary key.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a primary key",
    label = "not usable as a key",
    note = "a key is compared and hashed: derive `Clone`, `Debug`, `PartialEq`, `Eq` and `Hash` for it"
)]
pub trait Key: Clone + Debug + Eq + Hash + Send + Sync + Unpin + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Debug + Eq + Hash + Send + Sync + Unpin + 'static> Key for T {}

/// Rules for values, checked before any SQL runs.
///
/// The derive implements it for `NewX` and `XPatch`: from the attributes of `garde` or `validator` on the struct's
/// fields, or empty where there are none. With `#[kysera(validate)]` on the struct it leaves both to you:
///
/// ```
/// # #[cfg(feature = "sqlite")] mod doc {
/// use kysera::prelude::*;
///
/// #[derive(Repository)]
/// #[kysera(table = "users", validate)]
/// struct User {
///     #[kysera(id)]
///     id: i64,
///     name: String,
/// }
///
/// impl Validate for NewUser {
///     fn validate(&self) -> Result<(), Invalid> {
///         if self.name.is_empty() { Err(Invalid::field("name", "must not be empty")) } else { Ok(()) }
///     }
/// }
///
/// impl Validate for UserPatch {}
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no rules",
    note = "`#[kysera(validate)]` leaves them to you: write `impl kysera::Validate for {Self} {{ .. }}`"
)]
pub trait Validate {
    /// Checks the values.
    ///
    /// # Errors
    ///
    /// [`Invalid`] names each field that breaks a rule.
    fn validate(&self) -> Result<(), Invalid> {
        Ok(())
    }
}
