//! What a write did.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::{Database, Decode, Encode, Type};

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

/// A text is not the name of an [`Operation`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not the name of an operation: `create`, `update`, `delete`, `restore` or `purge`")]
pub struct UnknownOperation(());

impl FromStr for Operation {
    type Err = UnknownOperation;

    fn from_str(text: &str) -> Result<Self, UnknownOperation> {
        let known = [Self::Create, Self::Update, Self::Delete, Self::Restore, Self::Purge];
        known.into_iter().find(|known| known.as_str() == text).ok_or(UnknownOperation(()))
    }
}

impl Serialize for Operation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Operation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

// A column of texts, as the audit log has one.
impl<DB: Database> Type<DB> for Operation
where
    String: Type<DB>,
{
    fn type_info() -> DB::TypeInfo {
        String::type_info()
    }

    fn compatible(found: &DB::TypeInfo) -> bool {
        String::compatible(found)
    }
}

impl<'q, DB: Database> Encode<'q, DB> for Operation
where
    String: Encode<'q, DB>,
{
    fn encode_by_ref(&self, buffer: &mut DB::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
        self.as_str().to_owned().encode(buffer)
    }
}

impl<'r, DB: Database> Decode<'r, DB> for Operation
where
    String: Decode<'r, DB>,
{
    fn decode(value: DB::ValueRef<'r>) -> Result<Self, BoxDynError> {
        Ok(String::decode(value)?.parse()?)
    }
}

#[cfg(feature = "postgres")]
impl sqlx::postgres::PgHasArrayType for Operation {
    fn array_type_info() -> sqlx::postgres::PgTypeInfo {
        String::array_type_info()
    }
}

/// What a write did, for [`Plugin::after_write`](crate::plugin::Plugin::after_write).
pub struct Written<'a, E: Entity> {
    pub(crate) operation: Operation,
    pub(crate) rows: &'a [E],
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

    /// The rows: as they are stored now, or as they were if they were removed. There is at least one: what wrote nothing is not
    /// told. They are all of one statement's; bulk methods may tell of several.
    pub fn rows(&self) -> &'a [E] {
        self.rows
    }
}

impl<E: Entity> fmt::Debug for Written<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Written<{}>({}, {} rows)", E::META.entity, self.operation, self.rows.len())
    }
}
