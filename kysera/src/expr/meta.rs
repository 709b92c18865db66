//! What is known of an entity at compile time.

use std::any::Any;

use super::value::Codec;

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
    /// What a source with this context may see of the table where a query of another entity reaches it.
    pub scope: fn(&dyn Any) -> Scope,
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
        scope: Scope::open,
    };
}

/// What may be seen of a table.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    Open,
    /// Nothing: the context is not the one that the entity asks for.
    Closed,
}

impl Scope {
    /// Of an entity that any context may reach.
    pub fn open(_: &dyn Any) -> Self {
        Self::Open
    }

    /// Of an entity that asks for a context, or for the system's.
    pub fn of<C: 'static, System: 'static>(context: &dyn Any) -> Self {
        if context.is::<C>() || context.is::<System>() { Self::Open } else { Self::Closed }
    }
}
