//! What is known of an entity at compile time.

use super::filter::{Filter, Node};
use super::plug::{Plug, PluginContext};
use super::policy::{FieldGuard, PolicyMeta};
use super::value::Codec;
use crate::error::{Error, Result};

/// A column, without types.
#[doc(hidden)]
pub struct Col {
    pub table: &'static str,
    pub name: &'static str,
    /// Its place in [`Meta::columns`], hence in every SELECT list.
    pub index: usize,
    pub codec: &'static Codec,
    /// Whether `NewX` may leave it to the database.
    pub fill: Fill,
    /// Who may read and write it, where that are not all.
    pub guard: Option<&'static FieldGuard>,
}

impl Col {
    /// Whether it is the same column. By name: a constant may have several addresses.
    pub(crate) fn is(&self, other: &Col) -> bool {
        self.index == other.index && self.table == other.table && self.name == other.name
    }
}

/// Who fills a column when a row is made.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// The client, always.
    Client,
    /// The client or, where it does not, the database's default.
    Default,
    /// The database, always.
    Database,
    /// A plugin, always.
    Plugin,
}

/// A unique key.
#[doc(hidden)]
pub struct Unique {
    /// The constraint's name, where the struct gives it.
    pub name: Option<&'static str>,
    /// Indexes into [`Meta::columns`].
    pub columns: &'static [usize],
}

/// An entity, without types: what the renderer needs to know of it. Made by the derive.
#[doc(hidden)]
pub struct Meta {
    /// The struct's name.
    pub entity: &'static str,
    pub schema: Option<&'static str>,
    pub table: &'static str,
    pub columns: &'static [Col],
    /// Indexes of the key's columns.
    pub id: &'static [usize],
    pub unique: &'static [Unique],
    /// The columns that the world outside may filter by, and what it calls them.
    pub filterable: &'static [(usize, &'static str)],
    /// The columns that the world outside may sort by, and what it calls them.
    pub sortable: &'static [(usize, &'static str)],
    /// What a source with this context may see of the table; `None` where that is everything, always.
    pub scope: Option<fn(&PluginContext<'_>) -> Scope>,
    /// Who may do what with rows, and with their columns.
    pub policy: Option<&'static PolicyMeta>,
    pub plug: &'static Plug,
}

impl Meta {
    /// What most entities do not mention.
    pub const PLAIN: Meta = Meta {
        entity: "",
        schema: None,
        table: "",
        columns: &[],
        id: &[],
        unique: &[],
        filterable: &[],
        sortable: &[],
        scope: None,
        policy: None,
        plug: &Plug::NONE,
    };
}

/// What may be seen of a table.
#[doc(hidden)]
pub enum Scope {
    /// Everything.
    Open,
    /// Nothing: the context is not the one that the entity asks for.
    Closed,
    /// The rows for which this holds.
    Only(ScopeNode),
    /// A plugin refuses.
    Refused(Error),
}

/// A condition of a scope.
#[doc(hidden)]
pub struct ScopeNode(pub(crate) Node);

impl Scope {
    /// Of an entity that asks for a context, or for the system's.
    pub fn of<C: 'static, System: 'static>(cx: &PluginContext<'_>) -> Self {
        let known = cx.context::<C>().is_some() || cx.context::<System>().is_some();
        if known { Self::Open } else { Self::Closed }
    }

    /// This one, narrowed by what plugins say.
    pub fn and<E>(self, plugins: impl FnOnce() -> Result<Vec<Filter<E>>>) -> Self {
        if !matches!(self, Self::Open) {
            return self;
        }
        match plugins() {
            Ok(filters) if filters.is_empty() => self,
            Ok(filters) => Self::Only(ScopeNode(Filter::all(filters).node)),
            Err(error) => Self::Refused(error),
        }
    }
}
