//! What rows were at a time.

use std::time::SystemTime;

use chrono::{DateTime, Utc};

use super::AuditTable;
use super::seen::{first_of_life, is_narrowed, refuse_shown};
use super::values::{Known, Said, Values, said, said_columns};
use crate::__private::codec;
use crate::backend::{Backend, Dialect};
use crate::entity::{Audited, Entity, On, Operation};
use crate::error::{AuditError, Error, Result};
use crate::expr::{Col, Deleted, Meta, Sql, Value};
use crate::observe::Wire;
use crate::query::decode_first;
use crate::source::{Cx, Op};
use crate::write::{Which, audit_table_name};

/// An entry about a row, the one that is nearest to a time.
struct Nearest<'a, E: Entity> {
    id: &'a E::Id,
    time: Value,
    /// Not one about another row that had the key before.
    of_this_life: bool,
}

impl<E: Entity + Audited> Nearest<'_, E> {
    /// `is` says on which side of the time it is, `order` which one is the nearest.
    async fn find<DB: Backend>(
        &self,
        wire: &mut Wire<'_, DB>,
        cx: Cx<'_>,
        is: &str,
        order: &str,
    ) -> Result<Option<Said>>
    where
        E: On<DB>,
    {
        let mut sql = cx.sql::<DB>();
        sql.push("SELECT ");
        said_columns(&mut sql);
        sql.push(" FROM ");
        AuditTable::of::<E>().write(&mut sql, "");
        sql.push(" WHERE ");
        about::<E>(&mut sql, cx, self.id);
        if self.of_this_life {
            sql.push(" AND ").ident("id").push(" >= ");
            first_of_life::<E>(&mut sql, |sql| about::<E>(sql, cx, self.id));
        }
        sql.push(" AND ").ident("changed_at").push(is).shared(codec!(DateTime<Utc>), &self.time);
        sql.push(" ORDER BY ").ident("id").push(order).push(" LIMIT 1");
        said::<DB, E>(wire, sql).await
    }
}

/// Writes that an entry is about a row.
fn about<'v, E: Entity>(sql: &mut Sql<'v>, cx: Cx<'_>, id: &'v E::Id) {
    sql.ident("table_name").push(" = ").text_value(audit_table_name(E::META, cx));
    sql.push(" AND ").ident("entity_id").push(" = ").key_text(E::META, |sql, part, col| {
        sql.value(col.codec, E::id_value(id, part));
    });
}

/// Whether an entry is about this row, and not about another one that had its key before.
pub(super) async fn is_of_this_life<DB: Backend, E: On<DB> + Audited>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    id: &E::Id,
    entry: i64,
) -> Result<bool> {
    let mut sql = cx.sql::<DB>();
    sql.push("SELECT 1 FROM ");
    AuditTable::of::<E>().write(&mut sql, "");
    sql.push(" WHERE ").ident("id").push(" = ").integer(entry).push(" AND ").ident("id").push(" >= ");
    first_of_life::<E>(&mut sql, |sql| about::<E>(sql, cx, id));
    Ok(wire.fetch_optional(sql.finish()?).await?.is_some())
}

/// What the log says that a row was, `None` where there was none.
async fn values_at<DB: Backend, E: On<DB> + Audited>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    id: &E::Id,
    time: SystemTime,
    of_this_life: bool,
) -> Result<Option<Values<E>>> {
    let time = std::sync::Arc::new(DateTime::<Utc>::from(time));
    let nearest = Nearest::<E> { id, time, of_this_life };
    let json = match nearest.find(wire, cx, " <= ", " DESC").await? {
        Some(entry) => entry.new,
        None => match nearest.find(wire, cx, " > ", " ASC").await? {
            // The row is older than the log, or the log was cut off: since when it was what the next entry says, nobody knows.
            Some(entry) if entry.operation != Operation::Create => {
                return Err(Error::Audit(AuditError::TooEarly { entity: E::META.entity }));
            }
            _ => None,
        },
    };
    let Some(json) = json else { return Ok(None) };
    let values = Values::parse(&json)?;
    Ok((!values.is_deleted()).then_some(values))
}

/// The values of a row at a time, as they are written down.
pub(super) struct ValuesAt<E: Entity> {
    pub(super) id: E::Id,
    pub(super) time: SystemTime,
}

impl<DB: Backend, E: On<DB> + Audited> Op<DB> for ValuesAt<E> {
    type Out = Option<serde_json::Value>;

    fn meta(&self) -> &'static Meta {
        E::META
    }

    async fn run(self, wire: &mut Wire<'_, DB>, cx: Cx<'_>) -> Result<Self::Out> {
        let is_narrowed = is_narrowed(E::META, &cx.plugins());
        if is_narrowed {
            let mut sql = cx.sql::<DB>();
            refuse_shown::<E>(&mut sql);
            if !is_seen::<DB, E>(wire, sql, &self.id).await? {
                return Ok(None);
            }
        }
        let values = values_at::<DB, E>(wire, cx, &self.id, self.time, is_narrowed).await?;
        values.map(Values::into_json).transpose()
    }
}

/// A row at a time.
pub(super) struct StateAt<E: Entity> {
    pub(super) id: E::Id,
    pub(super) time: SystemTime,
}

impl<DB: Backend, E: On<DB> + Audited> Op<DB> for StateAt<E> {
    type Out = Option<E>;

    fn meta(&self) -> &'static Meta {
        E::META
    }

    async fn run(self, wire: &mut Wire<'_, DB>, cx: Cx<'_>) -> Result<Self::Out> {
        let state = match values_at::<DB, E>(wire, cx, &self.id, self.time, false).await {
            Ok(Some(values)) => decoded::<DB, E>(wire, cx, &values).await,
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        match state {
            // What the log lacks of a row says that there is one: whoever may not see it is told nothing.
            Err(Error::Audit(_))
                if is_narrowed(E::META, &cx.plugins())
                    && !is_seen::<DB, E>(wire, cx.sql::<DB>(), &self.id).await? =>
            {
                Ok(None)
            }
            state => state,
        }
    }
}

/// Whether the caller may see a row as it is now, be it marked as deleted.
async fn is_seen<'v, DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    mut sql: Sql<'v>,
    id: &'v E::Id,
) -> Result<bool> {
    sql.push("SELECT 1 FROM ").table(E::META);
    Which::<E>::one(id).deleted(Deleted::Shown).write(&mut sql);
    Ok(wire.fetch_optional(sql.finish()?).await?.is_some())
}

/// The row that values are of, unless it may not be seen: the database makes the values those of their columns' types.
async fn decoded<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    values: &Values<E>,
) -> Result<Option<E>> {
    let meta = E::META;
    let mut known = Vec::with_capacity(meta.columns.len());
    for col in meta.columns {
        known.push((col, values.must(col)?));
    }
    let mut sql = cx.sql::<DB>();
    sql.push("SELECT ");
    if DB::DIALECT == Dialect::Postgres {
        sql.list(&known, ", ", |sql, (col, _)| {
            // JSON's null is NULL to the database, also where a document says it.
            if col.codec.document && !col.codec.nullable {
                sql.push("COALESCE(").readable_column(col, true).push(", 'null')");
            } else {
                sql.readable_column(col, true);
            }
        });
    } else {
        sql.readable_columns(meta, false);
    }
    from_known(&mut sql, meta, &known);
    decode_first(wire, sql.finish()?).await
}

/// Whether the caller may see a row with these values.
pub(super) async fn is_seen_as<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    values: &Values<E>,
) -> Result<bool> {
    let json = |col: &'static Col| match values.get(col) {
        Known::Value(json) => Some(json),
        Known::Masked | Known::Absent => None,
    };
    let known: Vec<_> = E::META.columns.iter().map(|col| (col, json(col))).collect();
    let mut sql = cx.sql::<DB>();
    sql.push("SELECT 1");
    from_known(&mut sql, E::META, &known);
    Ok(wire.fetch_optional(sql.finish()?).await?.is_some())
}

/// ` FROM <one row with these values> WHERE ..`, that is, if it may be seen.
fn from_known(sql: &mut Sql<'_>, meta: &'static Meta, known: &[(&'static Col, Option<&str>)]) {
    if sql.dialect() == Dialect::Postgres {
        let fields: Vec<String> = known
            .iter()
            .filter_map(|(col, json)| Some(format!("{}:{}", serde_json::Value::from(col.name), (*json)?)))
            .collect();
        // The log may be older than the mark.
        let is_sensitive = || known.iter().any(|(col, json)| col.codec.sensitive && json.is_some());
        sql.push(" FROM ").covering(is_sensitive, |sql| {
            sql.record_of(meta, format!("{{{}}}", fields.join(",")));
        });
        sql.push(" AS ").ident(meta.table);
    } else {
        sql.push(" FROM (SELECT ").list(known, ", ", |sql, (col, json)| {
            sql.logged_cell(meta, col, json.unwrap_or("null")).push(" AS ").ident(col.name);
        });
        sql.push(") AS ").ident(meta.table);
    }
    sql.visible(meta, Deleted::Shown, " WHERE ");
}
