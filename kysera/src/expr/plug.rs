//! What the plugins of an entity make of its statements, without types.

use std::any::Any;
use std::borrow::Cow;
use std::time::SystemTime;

use super::meta::Meta;
use super::value::{AnyValue, Value};
use crate::clock::Clock;

/// The built-in plugins of an entity. Made by the derive.
#[doc(hidden)]
pub struct Plug {
    pub soft_delete: Option<SoftDelete>,
    pub created_at: Option<Stamp>,
    pub updated_at: Option<Stamp>,
    pub version: Option<Counter>,
    pub audit: Option<Audit>,
    /// Columns that plugins alone write: no `NewX` or `XPatch` has them, no `set(..)` takes them.
    pub owned: &'static [(usize, &'static str)],
}

impl Plug {
    /// Of an entity without plugins.
    pub const NONE: Plug = Plug {
        soft_delete: None,
        created_at: None,
        updated_at: None,
        version: None,
        audit: None,
        owned: &[],
    };

    /// The plugin that writes a column, if one does.
    pub(crate) fn owner(&self, column: usize) -> Option<&'static str> {
        self.owned.iter().find(|(owned, _)| *owned == column).map(|(_, plugin)| *plugin)
    }
}

/// `soft_delete`
#[doc(hidden)]
pub struct SoftDelete {
    pub column: usize,
    pub mark: Mark,
    /// Whether other rows are deleted and restored along.
    pub cascade: bool,
}

/// How a row is marked as deleted.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub enum Mark {
    /// NULL while it lives, then the time.
    Time(fn(SystemTime) -> Value),
    /// FALSE while it lives.
    Flag,
}

/// A column that takes the time.
#[doc(hidden)]
pub struct Stamp {
    pub column: usize,
    pub at: fn(SystemTime) -> Value,
    /// Whether the client may give the value.
    pub explicit: bool,
}

/// `version`
#[doc(hidden)]
pub struct Counter {
    pub column: usize,
    pub first: fn() -> Value,
}

/// `audit`
#[doc(hidden)]
pub struct Audit {
    pub schema: Option<&'static str>,
    pub table: &'static str,
    /// Columns whose values are not written down.
    pub sensitive: &'static [usize],
    /// Whether each entry carries a hash of the one before it.
    pub chain: bool,
}

/// Which rows a query sees of an entity that marks deleted ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Deleted {
    #[default]
    Hidden,
    Shown,
    Only,
}

/// What plugins are told of the call: who asks, and what time it is.
#[derive(Clone, Copy)]
pub struct PluginContext<'a> {
    pub(crate) context: &'a AnyValue,
    pub(crate) clock: &'a Clock,
    /// The time of the operation, once it is fixed.
    pub(crate) instant: Option<SystemTime>,
}

impl<'a> PluginContext<'a> {
    /// Of a source that has nothing to say.
    pub(crate) const NONE: PluginContext<'static> =
        PluginContext { context: &(), clock: &Clock::SYSTEM, instant: None };

    /// The context of the source, if it is of this type: what [`Db::with_context`](crate::Db::with_context) was given, `()`
    /// without it, [`System`](crate::System) with [`Db::unrestricted`](crate::Db::unrestricted).
    pub fn context<C: 'static>(&self) -> Option<&'a C> {
        let context: &'a (dyn Any + Send + Sync) = self.context;
        context.downcast_ref()
    }

    /// What time it is, by the [`Clock`] of the [`Db`](crate::Db): the same for all that one operation writes.
    pub fn now(&self) -> SystemTime {
        self.instant.unwrap_or_else(|| self.clock.now())
    }
}

impl std::fmt::Debug for PluginContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PluginContext").field("now", &self.now()).finish_non_exhaustive()
    }
}

/// Who acts, for the audit log.
#[doc(hidden)]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Acting {
    pub actor: Option<String>,
    pub metadata: Option<serde_json::Value>,
}

/// What `repo()` has found out about the context's type, for writes that only know a context.
#[doc(hidden)]
pub struct Hooks {
    pub(crate) acting: fn(&dyn Any) -> Acting,
}

impl Hooks {
    /// Of entities that ask for nothing.
    pub const NONE: Hooks = Hooks { acting: |_| Acting::default() };

    /// Of entities that write down who acts.
    pub const fn audited<C: Actor>() -> Hooks {
        Hooks {
            acting: |context| {
                let Some(context) = context.downcast_ref::<C>() else { return Acting::default() };
                Acting { actor: context.actor().map(Cow::into_owned), metadata: context.metadata() }
            },
        }
    }
}

impl std::fmt::Debug for Hooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hooks")
    }
}

/// A context that says who acts, for the [audit log](crate::plugin::audit).
///
/// Audited entities ask it of every source that reaches them. `()` is an actor without a name, and so is
/// [`System`](crate::System), which gives its reason as metadata.
///
/// ```
/// use std::borrow::Cow;
///
/// use kysera::Actor;
///
/// struct Principal {
///     user: i64,
///     request: String,
/// }
///
/// impl Actor for Principal {
///     fn actor(&self) -> Option<Cow<'_, str>> {
///         Some(self.user.to_string().into())
///     }
///
///     fn metadata(&self) -> Option<serde_json::Value> {
///         Some(serde_json::json!({ "request": self.request }))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "the context `{Self}` does not say who acts",
    label = "the source's context is `{Self}`",
    note = "entities with `audit` ask for it, and so do those with `soft_delete(cascade = ..)`, whose other rows may have `audit`: \
            write `impl kysera::Actor for {Self} {{ .. }}`"
)]
pub trait Actor: Send + Sync + 'static {
    /// Who it is: whatever finds them again, such as the id of a user.
    fn actor(&self) -> Option<Cow<'_, str>>;

    /// What else is worth knowing: a request, an address.
    fn metadata(&self) -> Option<serde_json::Value> {
        None
    }
}

impl Actor for () {
    fn actor(&self) -> Option<Cow<'_, str>> {
        None
    }
}

impl Meta {
    /// Whether what may be seen of the table is the same for every context.
    pub(crate) fn has_fixed_scope(&self) -> bool {
        self.scope.is_none() && self.policy.is_none() && self.columns.iter().all(|col| col.guard.is_none())
    }

    /// Whether there are columns that not everyone may read.
    pub(crate) fn hides_columns(&self) -> bool {
        self.columns.iter().any(|col| col.guard.is_some_and(|guard| guard.read.is_some()))
    }
}
