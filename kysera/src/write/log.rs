//! The audit log, as writes see it.

use std::collections::{BTreeMap, HashMap};

use futures_util::TryStreamExt;
use serde_json::value::RawValue;

use super::keys::key_columns;
use super::which::Which;
use crate::backend::{Backend, Dialect};
use crate::entity::{Cells, Entity, On, Operation};
#[cfg(feature = "audit")]
use crate::error::AuditError;
use crate::error::{Error, Result};
use crate::expr::{Acting, Audit, Col, MASKED, Meta, PluginContext, Sql};
use crate::observe::Wire;
use crate::source::Cx;

/// The `WITH` queries of a write that is logged in the same statement.
pub(crate) const OLD: &str = "kysera_old";
pub(crate) const NEW: &str = "kysera_new";
const LOG: &str = "kysera_log";

const COLUMNS: [&str; 9] = [
    "table_name",
    "entity_id",
    "operation",
    "old_values",
    "new_values",
    "changed_columns",
    "actor",
    "metadata",
    "changed_at",
];

/// What the log calls the table of an entity. Sources with different schemas may share a log that names its own.
pub(crate) fn table_name(meta: &Meta, cx: Cx<'_>) -> String {
    let shared = meta.plug.audit.as_ref().is_some_and(|audit| audit.schema.is_some());
    match meta.schema.or(cx.schema().filter(|_| shared)) {
        Some(schema) => format!("{schema}.{}", meta.table),
        None => meta.table.to_owned(),
    }
}

/// What an entity's log is called as a table, for the renderer.
pub(crate) fn log_table(sql: &mut Sql<'_>, audit: &Audit, suffix: &str) {
    sql.schema_of(audit.schema).ident(&format!("{}{suffix}", audit.table));
}

/// Which of a row's two sides a statement has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sides {
    Old,
    New,
    Both,
    /// New, and old where there was one: an upsert.
    Either,
}

/// PostgreSQL: `, "kysera_log" AS (INSERT INTO <log> .. SELECT .. FROM "kysera_new" ..)`
pub(crate) fn log_query(
    sql: &mut Sql<'_>,
    meta: &'static Meta,
    audit: &Audit,
    cx: Cx<'_>,
    operation: Operation,
    sides: Sides,
) {
    let Acting { actor, metadata } = cx.acting();
    let (old, new) = (sides != Sides::New, sides != Sides::Old);
    let row = if new { NEW } else { OLD };
    sql.push(", ").ident(LOG).push(" AS (INSERT INTO ");
    log_table(sql, audit, "");
    sql.push(" (").list(COLUMNS, ", ", |sql, name| {
        sql.ident(name);
    });
    sql.push(") SELECT ").text_value(table_name(meta, cx)).push(", ");
    sql.key_text(meta, |sql, _, col| {
        sql.ident(row).push(".").ident(col.name);
    });
    sql.push(", ");
    if sides == Sides::Either {
        sql.push("CASE WHEN ").ident(OLD).push(".").ident(first_key(meta)).push(" IS NULL THEN 'create'");
        if let (Operation::Restore, Some(soft_delete)) = (operation, &meta.plug.soft_delete) {
            sql.push(" WHEN ").about_table(OLD, |sql| {
                sql.is_deleted(&meta.columns[soft_delete.column], soft_delete.mark, true);
            });
            sql.push(" THEN 'restore'");
        }
        sql.push(" ELSE 'update' END");
    } else {
        sql.text_value(operation.as_str().to_owned());
    }
    for (there, cte) in [(old, OLD), (new, NEW)] {
        sql.push(", ");
        if there && cte == OLD && sides == Sides::Either {
            sql.push("CASE WHEN ").ident(OLD).push(".").ident(first_key(meta)).push(" IS NOT NULL THEN ");
            sql.cte_json(cte, meta, audit.sensitive).push(" END");
        } else if there {
            sql.cte_json(cte, meta, audit.sensitive);
        } else {
            sql.push("NULL");
        }
    }
    sql.push(", ");
    if old && new {
        if sides == Sides::Either {
            sql.push("CASE WHEN ").ident(OLD).push(".").ident(first_key(meta)).push(" IS NOT NULL THEN ");
        }
        sql.push("(SELECT JSONB_AGG(\"kysera_e\".\"key\" ORDER BY \"kysera_e\".\"key\" COLLATE \"C\") FROM JSONB_EACH(TO_JSONB(");
        sql.ident(NEW).push(")) AS \"kysera_e\" (\"key\", \"value\") WHERE TO_JSONB(").ident(OLD);
        sql.push(") -> \"kysera_e\".\"key\" IS DISTINCT FROM \"kysera_e\".\"value\")");
        if sides == Sides::Either {
            sql.push(" END");
        }
    } else {
        sql.push("NULL");
    }
    sql.push(", ");
    optional_text(sql, actor);
    sql.push(", CAST(");
    optional_text(sql, metadata.map(|metadata| metadata.to_string()));
    sql.push(" AS JSONB), ");
    moment(sql, cx.plugins());
    sql.push(" FROM ").ident(row);
    if old && new {
        sql.push(if sides == Sides::Either { " LEFT JOIN " } else { " JOIN " }).ident(OLD).push(" ON ");
        sql.list(key_columns(meta), " AND ", |sql, col| {
            sql.ident(OLD).push(".").ident(col.name).push(" = ").ident(NEW).push(".").ident(col.name);
        });
        // What changed nothing did not happen.
        sql.push(" WHERE TO_JSONB(").ident(OLD).push(") IS DISTINCT FROM TO_JSONB(").ident(NEW).push(")");
    }
    sql.push(")");
}

fn first_key(meta: &'static Meta) -> &'static str {
    key_columns(meta).next().map(|col| col.name).unwrap_or_default()
}

fn optional_text(sql: &mut Sql<'_>, text: Option<String>) {
    match text {
        Some(text) => sql.text_value(text),
        None => sql.push("NULL"),
    };
}

/// The time of the operation, as exact as every database keeps it.
#[cfg(feature = "audit")]
fn instant(cx: PluginContext<'_>) -> chrono::DateTime<chrono::Utc> {
    use chrono::SubsecRound;
    chrono::DateTime::from(cx.now()).trunc_subsecs(6)
}

/// Writes it.
fn moment(sql: &mut Sql<'_>, cx: PluginContext<'_>) {
    #[cfg(feature = "audit")]
    {
        let now = instant(cx);
        let now: crate::expr::Value = std::sync::Arc::new(now);
        sql.shared(crate::__private::codec!(chrono::DateTime<chrono::Utc>), &now);
    }
    #[cfg(not(feature = "audit"))]
    {
        let _ = cx;
        sql.refuse(without_feature());
    }
}

#[cfg(not(feature = "audit"))]
fn without_feature() -> Error {
    Error::BadRequest("the plugin `audit` needs kysera's feature of that name".into())
}

/// A row, and how the log writes it down.
pub(crate) struct Seen<E> {
    pub(crate) row: E,
    pub(crate) key: String,
    pub(crate) json: String,
}

/// `<columns>, <key as text>, <row as JSON>` of the row at hand.
pub(crate) fn seen_columns(sql: &mut Sql<'_>, meta: &'static Meta) {
    sql.row_columns(meta).push(", ").key_text(meta, |sql, _, col| {
        sql.column(col);
    });
    sql.push(", ").row_json(meta);
}

/// Reads rows with such columns.
pub(crate) async fn read_seen<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    sql: Sql<'_>,
) -> Result<Vec<Seen<E>>> {
    let width = E::META.columns.len();
    let mut rows = wire.fetch(sql.finish()?);
    let mut seen = Vec::new();
    while let Some(row) = rows.try_next().await? {
        let text = |at| DB::text(&row, at).map(Option::unwrap_or_default);
        let (key, json) = (text(width)?, text(width + 1)?);
        let check = seen.is_empty();
        let row = E::decode(&mut Cells::new(&row, E::META, 0, check)).map_err(|error| rows.failed(error))?;
        let json = if DB::DIALECT == Dialect::Sqlite { with_exact_reals(&row, json)? } else { json };
        seen.push(Seen { row, key, json });
    }
    Ok(seen)
}

/// SQLite does not print very large and very small numbers so that the same ones come of them.
fn with_exact_reals<E: Entity>(row: &E, json: String) -> Result<String> {
    let is_real = |col: &&Col| col.codec.sqlite_type_is("REAL");
    if !E::META.columns.iter().any(|col| is_real(&col)) {
        return Ok(json);
    }
    let mut values = object(&json)?;
    for col in E::META.columns.iter().filter(is_real) {
        let exact =
            row.value(col.index).and_then(|value| col.codec.real(value)).filter(|exact| exact.is_finite());
        let printed = values.get(col.name).and_then(|json| json.get().parse::<f64>().ok());
        // An `f32` may be less exact than what is stored.
        if let (Some(exact), Some(printed)) = (exact, printed)
            && (exact - printed).abs() <= printed.abs() * 1e-15
        {
            let json = RawValue::from_string(format!("{exact:?}")).map_err(Error::other)?;
            values.insert(col.name.to_owned(), json);
        }
    }
    serde_json::to_string(&values).map_err(Error::other)
}

/// Waits for the head of the entity's chain, if its log has one, and keeps it until the transaction ends. In front of every
/// other lock: those who hold rows and wait for the head, and those who hold it and wait for the rows, would never meet.
pub(crate) async fn take_turn<DB: Backend>(wire: &mut Wire<'_, DB>, cx: Cx<'_>, meta: &Meta) -> Result<()> {
    let Some(audit) = meta.plug.audit.as_ref().filter(|audit| audit.chain) else { return Ok(()) };
    if DB::DIALECT == Dialect::Sqlite {
        return Ok(()); // a transaction that writes has the database for itself
    }
    let mut sql = cx.sql::<DB>();
    sql.push("SELECT 1 FROM ");
    log_table(&mut sql, audit, "_chain");
    sql.push(" WHERE ").ident("id").push(" = 1 FOR UPDATE");
    wire.execute(sql.finish()?).await?;
    Ok(())
}

/// The rows that a write is about, locked.
pub(crate) async fn lock_seen<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    which: &Which<'_, E>,
) -> Result<Vec<Seen<E>>> {
    take_turn::<DB>(wire, cx, E::META).await?;
    let mut sql = cx.sql::<DB>();
    sql.push("SELECT ");
    seen_columns(&mut sql, E::META);
    sql.push(" FROM ").table(E::META);
    which.write(&mut sql);
    if !which.is_one() {
        // With their table: PostgreSQL gives the key as a text the same name.
        sql.push(" ORDER BY ").list(key_columns(E::META), ", ", |sql, col| {
            sql.column(col);
        });
    }
    sql.push(row_lock(DB::DIALECT));
    read_seen(wire, sql).await
}

/// What keeps others from changing a row before it is written.
pub(crate) fn row_lock(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => " FOR NO KEY UPDATE",
        Dialect::MySql => " FOR UPDATE",
        // A transaction that writes has the database for itself.
        Dialect::Sqlite => "",
    }
}

/// One row's entry.
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) operation: Operation,
    pub(crate) old: Option<String>,
    pub(crate) new: Option<String>,
}

/// What one row becomes in the log.
struct Line {
    entry: Entry,
    changed: Option<String>,
}

type Object = BTreeMap<String, Box<RawValue>>;

fn object(json: &str) -> Result<Object> {
    serde_json::from_str(json).map_err(Error::other)
}

/// The entry as it is written down, or `None` if nothing changed.
fn line(meta: &'static Meta, audit: &Audit, mut entry: Entry) -> Result<Option<Line>> {
    let old = entry.old.as_deref().map(object).transpose()?;
    let new = entry.new.as_deref().map(object).transpose()?;
    let mut changed = None;
    if let (Some(old), Some(new)) = (&old, &new) {
        let raw = |side: &Object, name: &str| side.get(name).map(|value| value.get().to_owned());
        let mut names: Vec<&str> =
            meta.columns.iter().map(|col| col.name).filter(|name| raw(old, name) != raw(new, name)).collect();
        if names.is_empty() {
            return Ok(None);
        }
        // As JSONB_AGG puts them, by their bytes.
        names.sort_unstable();
        changed = Some(serde_json::Value::from(names).to_string());
    }
    if !audit.sensitive.is_empty() {
        let covered = |side: Option<Object>| side.map(|side| cover(meta, audit, side)).transpose();
        entry.old = covered(old)?;
        entry.new = covered(new)?;
    }
    Ok(Some(Line { entry, changed }))
}

/// Covers the values that are not written down.
fn cover(meta: &'static Meta, audit: &Audit, mut side: Object) -> Result<String> {
    for col in audit.sensitive.iter().filter_map(|index| meta.columns.get(*index)) {
        let masked = serde_json::value::to_raw_value(MASKED).map_err(Error::other)?;
        side.insert(col.name.to_owned(), masked);
    }
    serde_json::to_string(&side).map_err(Error::other)
}

/// Writes entries, in their order.
pub(crate) async fn write_entries<DB: Backend>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    meta: &'static Meta,
    audit: &'static Audit,
    entries: Vec<Entry>,
) -> Result<()> {
    let lines: Vec<Line> = entries
        .into_iter()
        .filter_map(|entry| line(meta, audit, entry).transpose())
        .collect::<Result<_>>()?;
    if lines.is_empty() {
        return Ok(());
    }
    let acting = cx.acting();
    let hashes = if audit.chain {
        chain::link::<DB>(wire, cx, meta, audit, &acting, &lines).await?
    } else {
        Vec::new()
    };
    let mut hashes = hashes.into_iter();
    let mut left = &lines[..];
    while !left.is_empty() {
        let (lines, rest) = left.split_at(per_statement(left));
        left = rest;
        let mut sql = cx.sql::<DB>();
        sql.push("INSERT INTO ");
        log_table(&mut sql, audit, "");
        let names = COLUMNS.into_iter().chain(audit.chain.then_some("hash"));
        sql.push(" (").list(names, ", ", |sql, name| {
            sql.ident(name);
        });
        sql.push(") VALUES ").list(lines, ", ", |sql, Line { entry, changed }| {
            sql.push("(")
                .text_value(table_name(meta, cx))
                .push(", ")
                .text_value(entry.key.clone())
                .push(", ");
            sql.text_value(entry.operation.as_str().to_owned());
            let metadata = acting.metadata.as_ref().map(ToString::to_string);
            for json in [&entry.old, &entry.new, changed] {
                sql.push(", ");
                json_text(sql, json.clone());
            }
            sql.push(", ");
            optional_text(sql, acting.actor.clone());
            sql.push(", ");
            json_text(sql, metadata);
            sql.push(", ");
            moment(sql, cx.plugins());
            if let Some(hash) = hashes.next() {
                sql.push(", ").text_value(hash);
            }
            sql.push(")");
        });
        wire.execute(sql.finish()?).await?;
    }
    Ok(())
}

/// How many of these entries, at least one, the next statement writes.
fn per_statement(lines: &[Line]) -> usize {
    let mut bytes = 0;
    let fits = |line: &&Line| {
        let texts = [&line.entry.old, &line.entry.new, &line.changed];
        bytes += texts.into_iter().flatten().map(String::len).sum::<usize>();
        bytes <= MOST_BYTES
    };
    lines.iter().take(MOST_LINES).take_while(fits).count().max(1)
}

const MOST_LINES: usize = 200;

/// Well below what MySQL takes as one packet, if nobody tells it otherwise.
const MOST_BYTES: usize = 1 << 20;

fn json_text(sql: &mut Sql<'_>, json: Option<String>) {
    match (json, sql.dialect()) {
        (Some(json), Dialect::Postgres) => sql.push("CAST(").text_value(json).push(" AS JSONB)"),
        (Some(json), _) => sql.text_value(json),
        (None, _) => sql.push("NULL"),
    };
}

/// The entries of rows before and after a write, paired by their keys.
pub(crate) fn pair<E: Entity>(
    operation: Operation,
    olds: Vec<(String, String)>,
    news: &[Seen<E>],
) -> Vec<Entry> {
    let mut news: HashMap<&str, &str> = news.iter().map(|seen| (&*seen.key, &*seen.json)).collect();
    olds.into_iter()
        .map(|(key, old)| {
            let new = news.remove(&*key).map(str::to_owned);
            Entry { key, operation, old: Some(old), new }
        })
        .collect()
}

mod chain {
    use super::*;

    /// The hashes of new entries, each of which covers the one before it; the head of the chain is moved on to the last.
    pub(super) async fn link<DB: Backend>(
        wire: &mut Wire<'_, DB>,
        cx: Cx<'_>,
        meta: &'static Meta,
        audit: &'static Audit,
        acting: &Acting,
        lines: &[Line],
    ) -> Result<Vec<String>> {
        #[cfg(feature = "audit")]
        {
            use crate::write::{Linked, next_hash};
            let mut sql = cx.sql::<DB>();
            sql.push("SELECT ").ident("hash").push(" FROM ");
            log_table(&mut sql, audit, "_chain");
            sql.push(" WHERE ").ident("id").push(" = 1");
            // The head is written in any case: writers take turns from here to the end of their transactions.
            sql.push(if DB::DIALECT == Dialect::Sqlite { "" } else { " FOR UPDATE" });
            let head = wire.fetch_optional(sql.finish()?).await?;
            let Some(head) = head else {
                return Err(Error::Audit(AuditError::NoChain { table: audit.table.to_owned() }));
            };
            let mut hash = DB::text(&head, 0)?.unwrap_or_default();
            let micros = instant(cx.plugins()).timestamp_micros();
            let table = table_name(meta, cx);
            let metadata = acting.metadata.as_ref().map(ToString::to_string);
            let mut hashes = Vec::with_capacity(lines.len());
            for Line { entry, changed } in lines {
                hash = next_hash(
                    &hash,
                    &Linked {
                        table: &table,
                        entity_id: &entry.key,
                        operation: entry.operation.as_str(),
                        old: entry.old.as_deref(),
                        new: entry.new.as_deref(),
                        changed: changed.as_deref(),
                        actor: acting.actor.as_deref(),
                        metadata: metadata.as_deref(),
                        micros,
                    },
                )?;
                hashes.push(hash.clone());
            }
            let mut sql = cx.sql::<DB>();
            sql.push("UPDATE ");
            log_table(&mut sql, audit, "_chain");
            sql.push(" SET ")
                .ident("hash")
                .push(" = ")
                .text_value(hash)
                .push(", ")
                .ident("entries")
                .push(" = ");
            sql.ident("entries").push(" + ").push(&lines.len().to_string());
            sql.push(" WHERE ").ident("id").push(" = 1");
            wire.execute(sql.finish()?).await?;
            Ok(hashes)
        }
        #[cfg(not(feature = "audit"))]
        {
            let _ = (wire, cx, meta, audit, acting, lines);
            Err(without_feature())
        }
    }
}
