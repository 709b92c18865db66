//! The rows of an audit log.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::types::Json;

use crate::backend::Backend;
use crate::entity::{Changes, Entity, On, Operation, Written};
use crate::error::{Error, Result};
use crate::expr::PluginContext;
use crate::plugin::{Plugin, PluginTx};

/// The context of nobody: an entity that asks for it is for unrestricted sources.
#[doc(hidden)]
#[derive(Debug)]
pub enum NoOne {}

/// One entry of an audit log: what was done to one row.
///
/// It is an entity, to be found with [`AuditMethods::audit_log`](super::AuditMethods::audit_log) and
/// [`AuditTable::entries`](super::AuditTable::entries), filtered by its columns and read in pages. Entries are written by
/// kysera alone: to create, change or delete them with a repository is refused. A repository of it shows all entries, whoever may see
/// the rows that they are about, so it takes a source that is [unrestricted](crate::Db::unrestricted).
#[derive(Debug, Clone, PartialEq, Serialize, crate::Repository)]
#[crate::plugin(WrittenOnce)]
#[kysera(crate = crate, table = "audit_logs", context = NoOne)]
pub struct AuditEntry {
    /// Its number. Of two entries about the same row, the later one has the larger number.
    #[kysera(id)]
    pub id: i64,
    /// The table of the row: `users`, or `app.users` if the entity names a schema.
    #[kysera(read_only)]
    pub table_name: String,
    /// The key of the row as a text; if it has several columns, the JSON array of them.
    #[kysera(read_only)]
    pub entity_id: String,
    /// What was done.
    #[kysera(read_only)]
    pub operation: Operation,
    /// The row before it, as an object by the names of its columns; `None` for created rows.
    #[kysera(read_only)]
    pub old_values: Option<Json<Value>>,
    /// The row after it; `None` for rows that were removed.
    #[kysera(read_only)]
    pub new_values: Option<Json<Value>>,
    /// The names of the columns that differ, where there are both.
    #[kysera(read_only)]
    pub changed_columns: Option<Json<Vec<String>>>,
    /// Who did it, as the context of the source [says](crate::Actor::actor).
    #[kysera(read_only)]
    pub actor: Option<String>,
    /// What else the context [says](crate::Actor::metadata).
    #[kysera(read_only)]
    pub metadata: Option<Json<Value>>,
    /// When, by the [`Clock`](crate::Clock) of the source, to the microsecond: the same for all that one operation wrote.
    #[kysera(read_only)]
    pub changed_at: DateTime<Utc>,
    /// In a chain, the hash of this entry and of the one before it.
    #[kysera(read_only)]
    pub hash: Option<String>,
}

impl AuditEntry {
    /// The value that a column had before; `None` if there was no row, and for columns that it did not have.
    pub fn old_value(&self, column: &str) -> Option<&Value> {
        self.old_values.as_ref()?.get(column)
    }

    /// The value that a column had afterwards; `None` if there is no row any more, and for columns that it does not have.
    pub fn new_value(&self, column: &str) -> Option<&Value> {
        self.new_values.as_ref()?.get(column)
    }

    /// Whether an update changed a column.
    pub fn has_changed(&self, column: &str) -> bool {
        self.changed_columns.as_ref().is_some_and(|changed| changed.iter().any(|name| name == column))
    }
}

/// Refuses to write.
struct WrittenOnce;

fn refused() -> Error {
    Error::BadRequest(
        "the audit log is written by kysera alone: its entries are not to be created, changed or deleted"
            .into(),
    )
}

impl<E: Entity> Plugin<E> for WrittenOnce {
    const NAME: &'static str = "audit_log";

    fn before_create(&self, _: &mut Changes<'_, E>, _: &PluginContext<'_>) -> Result<()> {
        Err(refused())
    }

    fn before_update(&self, _: &mut Changes<'_, E>, _: &PluginContext<'_>) -> Result<()> {
        Err(refused())
    }

    async fn after_write<'a, DB: Backend>(
        &'a self,
        _: Written<'a, E>,
        _: &'a mut PluginTx<'_, DB>,
    ) -> Result<()>
    where
        E: On<DB>,
    {
        Err(refused())
    }
}
