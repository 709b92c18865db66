//! What a write did.

use std::fmt;

use super::Entity;

/// What a statement does to rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// Rows are created.
    Create,
    /// Rows are changed.
    Update,
    /// Rows are deleted: marked as deleted where the entity has `soft_delete`, removed where it has not.
    Delete,
    /// Rows that were marked as deleted are live again.
    Restore,
    /// Rows of an entity with `soft_delete` are removed for good.
    Purge,
}

impl Operation {
    /// `create`, `update`, `delete`, `restore` or `purge`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Restore => "restore",
            Self::Purge => "purge",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a write did, for [`Plugin::after_write`](crate::plugin::Plugin::after_write).
pub struct Written<'a, E: Entity> {
    pub(crate) operation: Operation,
    pub(crate) rows: &'a [E],
    pub(crate) ids: &'a [E::Id],
    pub(crate) count: u64,
}

impl<E: Entity> Clone for Written<'_, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E: Entity> Copy for Written<'_, E> {}

impl<'a, E: Entity> Written<'a, E> {
    /// What was done.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// The rows as they are stored, where the operation answers rows: after `create`, `update`, `upsert`, `restore` and the
    /// like. Empty after those that answer a number.
    pub fn rows(&self) -> &'a [E] {
        self.rows
    }

    /// The keys that a `delete`, `delete_many` and the like were given; some may have had no row. Empty where the operation
    /// was given rows or filters.
    pub fn ids(&self) -> &'a [E::Id] {
        self.ids
    }

    /// How many rows were written. Never 0: what wrote nothing is not told.
    pub fn count(&self) -> u64 {
        self.count
    }
}

impl<E: Entity> fmt::Debug for Written<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Written<{}>({}, {} rows)", E::META.entity, self.operation, self.count)
    }
}
