//! What is known of an entity at compile time.

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
}
