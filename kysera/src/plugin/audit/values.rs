//! What entries say of rows, exactly as it is written down.

use std::collections::HashMap;
use std::marker::PhantomData;

use serde_json::value::RawValue;

use crate::backend::{Backend, Dialect};
use crate::entity::{Entity, On, Operation};
use crate::error::{AuditError, Error, Result};
use crate::expr::{Col, Fill, MASKED, Mark, Meta, Sql};
use crate::observe::Wire;

/// A row, by the names of its columns. Numbers keep all their digits.
pub(super) struct Values<E> {
    pub(super) columns: HashMap<String, Box<RawValue>>,
    entity: PhantomData<fn() -> E>,
}

/// What is known of a column.
pub(super) enum Known<'v> {
    Value(&'v str),
    /// It is not written down.
    Masked,
    /// It was not there.
    Absent,
}

impl<E: Entity> Values<E> {
    pub(super) fn parse(json: &str) -> Result<Self> {
        let columns = serde_json::from_str(json)
            .map_err(|_| Error::Audit(AuditError::Malformed { entity: E::META.entity }))?;
        Ok(Self { columns, entity: PhantomData })
    }

    pub(super) fn get(&self, col: &Col) -> Known<'_> {
        match self.columns.get(col.name).map(|json| json.get()) {
            None => Known::Absent,
            Some(json) if is_sensitive(E::META, col) && json.trim_matches('"') == MASKED => Known::Masked,
            Some(json) => Known::Value(json),
        }
    }

    /// What is known of a column, `None` where a new row can do without it.
    pub(super) fn needed(&self, col: &'static Col) -> Result<Option<&str>> {
        if col.fill == Fill::Default && !matches!(self.get(col), Known::Value(_)) {
            return Ok(None);
        }
        self.must(col)
    }

    /// What is known of a column, `None` where it may be NULL.
    pub(super) fn must(&self, col: &'static Col) -> Result<Option<&str>> {
        let (entity, column) = (E::META.entity, col.name);
        match self.get(col) {
            Known::Value(json) => Ok(Some(json)),
            _ if col.codec.nullable => Ok(None),
            Known::Masked => Err(Error::Audit(AuditError::Sensitive { entity, column })),
            Known::Absent => Err(Error::Audit(AuditError::NoColumn { entity, column })),
        }
    }

    /// Whether the row is marked as deleted.
    pub(super) fn is_deleted(&self) -> bool {
        let Some(soft_delete) = &E::META.plug.soft_delete else { return false };
        let Some(col) = E::META.columns.get(soft_delete.column) else { return false };
        let Known::Value(json) = self.get(col) else { return false };
        match soft_delete.mark {
            Mark::Time(_) => json != "null",
            Mark::Flag => !matches!(json, "null" | "false" | "0"),
        }
    }

    /// All of it.
    pub(super) fn into_json(self) -> Result<serde_json::Value> {
        let parse = |(name, json): (String, Box<RawValue>)| Ok((name, serde_json::from_str(json.get())?));
        let map: serde_json::Result<serde_json::Map<_, _>> = self.columns.into_iter().map(parse).collect();
        Ok(serde_json::Value::Object(map.map_err(Error::other)?))
    }

    /// Writes ` WHERE <key> = ..`, the key being the one in the values.
    pub(super) fn key<'q>(&'q self, sql: &mut Sql<'q>) -> Result<()> {
        sql.push(" WHERE ");
        for (at, col) in crate::write::key_columns(E::META).enumerate() {
            let Some(json) = self.needed(col)? else {
                return Err(Error::Audit(AuditError::NoColumn { entity: E::META.entity, column: col.name }));
            };
            sql.push(if at > 0 { " AND " } else { "" }).ident(col.name).push(" = ").logged(
                E::META,
                col,
                json,
            );
        }
        Ok(())
    }
}

fn is_sensitive(meta: &Meta, col: &Col) -> bool {
    meta.plug.audit.as_ref().is_some_and(|audit| audit.sensitive.contains(&col.index))
}

/// Some parts of an entry.
pub(super) struct Said {
    pub(super) operation: Operation,
    pub(super) old: Option<String>,
    pub(super) new: Option<String>,
}

/// Writes `<operation>, <old values>, <new values>`, for [`said`].
pub(super) fn said_columns(sql: &mut Sql<'_>) {
    sql.ident("operation");
    for column in ["old_values", "new_values"] {
        sql.push(", ");
        json_text(sql, column);
    }
}

/// Writes a column of documents as a text.
pub(super) fn json_text(sql: &mut Sql<'_>, column: &str) {
    match sql.dialect() {
        Dialect::Postgres => sql.push("CAST(").ident(column).push(" AS TEXT)"),
        _ => sql.ident(column),
    };
}

/// Reads the first row of such a statement.
pub(super) async fn said<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    sql: Sql<'_>,
) -> Result<Option<Said>> {
    let Some(row) = wire.fetch_optional(sql.finish()?).await? else { return Ok(None) };
    let operation = DB::text(&row, 0)?.unwrap_or_default();
    let operation =
        operation.parse().map_err(|_| Error::Audit(AuditError::Malformed { entity: E::META.entity }))?;
    Ok(Some(Said { operation, old: DB::text(&row, 1)?, new: DB::text(&row, 2)? }))
}
