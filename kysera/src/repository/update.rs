//! Updating rows, one or many.

use std::collections::{HashMap, HashSet};

use futures_util::TryStreamExt;

use super::create::batches;
use super::placed::Placed;
use super::sql::{bind, find_locked_text, find_statement, has_arrays, returning, update_text};
use crate::backend::{Backend, Dialect};
use crate::entity::{Cells, Draft, Entity, Mask, On, Operation, Values};
use crate::error::{Error, Missing, Result};
use crate::expr::{Action, Deleted, Meta, Sql};
use crate::observe::Wire;
use crate::query::{decode_all, decode_first};
use crate::source::{Cx, Op, Unit};
use crate::write::{
    Answer, NEW, OLD, Sides, Which, becomes, change, columns, given, is_unguarded, judge, key_columns,
    key_in, lock_first, lock_seen, log_query, logs_at_once, next_version, of_values, pair, read_by_keys,
    refusal, refuse_same_key, rows_per_statement, show, unit_of_change, unit_of_several, write_entries,
    writes,
};

/// What an update changes, with what plugins add to it.
pub(super) type NewPatch<E> = Draft<<E as Entity>::Patch>;

/// `UPDATE` of one row, answered as stored; `None` if there is no such row.
pub(super) struct Update<E: Entity> {
    pub(super) id: E::Id,
    pub(super) patch: NewPatch<E>,
}

impl<DB: Backend, E: On<DB>> Op<DB> for Update<E> {
    type Out = Option<E>;

    fn meta(&self) -> &'static Meta {
        E::META
    }

    fn unit(&self, cx: Cx<'_>) -> Unit {
        unit_of_change::<E>(DB::DIALECT, cx, Answer::Rows, Action::Update)
    }

    async fn run(self, wire: &mut Wire<'_, DB>, cx: Cx<'_>) -> Result<Option<E>> {
        let fixed = E::META.has_fixed_scope() && E::META.plug.audit.is_none() && !E::CUSTOM.after_write;
        if !fixed {
            let mut assignments: Vec<_> = of_values(E::META, &self.patch).collect();
            assignments.extend(next_version(E::META));
            let which = Which::<E>::one(&self.id);
            let changed = change(wire, cx, Operation::Update, &assignments, &which, Answer::Rows).await?;
            return Ok(changed.rows.into_iter().next());
        }
        let mask = given(E::META, &self.patch);
        let sql = update_text::<DB, E>(cx, mask);
        let statement = bind::<DB, E>(cx, sql, mask, Some(&self.patch), Some(&self.id))?;
        if DB::DIALECT.has_returning() {
            return decode_first(wire, statement).await;
        }
        if wire.execute(statement).await?.rows == 0 {
            return Ok(None);
        }
        let sql = find_locked_text::<DB, E>(cx);
        decode_first(wire, bind::<DB, E>(cx, sql, Mask::default(), None, Some(&self.id))?).await
    }
}

/// One `UPDATE` per shape of patch, all or nothing, answered as stored and in the order of the input.
pub(super) struct UpdateMany<E: Entity> {
    ids: Vec<E::Id>,
    patches: Vec<NewPatch<E>>,
    batches: Vec<(Mask, Vec<usize>)>,
}

impl<E: Entity> UpdateMany<E> {
    /// Refuses two patches for one row: which one would win?
    pub(super) fn new(dialect: Dialect, rows: Vec<(E::Id, NewPatch<E>)>) -> Result<Self> {
        let (ids, patches): (Vec<E::Id>, Vec<NewPatch<E>>) = rows.into_iter().unzip();
        refuse_same_key::<E>(&ids)?;
        let batches = batches::<E, _>(&patches, |mask| batch_size::<E>(dialect, mask));
        Ok(Self { ids, patches, batches })
    }
}

fn batch_size<E: Entity>(dialect: Dialect, mask: Mask) -> usize {
    let (keys, width) = (E::META.id.len(), columns(E::META, mask).count());
    match dialect {
        // A CASE per column names every key again, and its cost is quadratic.
        Dialect::MySql => rows_per_statement(dialect, false, keys + width * (keys + 1), 500),
        _ => rows_per_statement(dialect, keys_and_values_have_arrays::<E>(dialect, mask), keys + width, 1024),
    }
}

fn keys_and_values_have_arrays<E: Entity>(dialect: Dialect, mask: Mask) -> bool {
    let sql = Sql::new(dialect);
    key_columns(E::META).all(|col| sql.has_array(col.codec))
        && (mask == Mask::default() || has_arrays(dialect, E::META, mask))
}

impl<DB: Backend, E: On<DB>> Op<DB> for UpdateMany<E> {
    type Out = Vec<E>;

    fn meta(&self) -> &'static Meta {
        E::META
    }

    fn unit(&self, _: Cx<'_>) -> Unit {
        // On PostgreSQL the statement itself writes nothing if a row is missing.
        if self.batches.len() == 1 && DB::DIALECT == Dialect::Postgres {
            unit_of_several::<E>(DB::DIALECT, Answer::Rows)
        } else {
            Unit::Atomic
        }
    }

    async fn run(self, wire: &mut Wire<'_, DB>, cx: Cx<'_>) -> Result<Vec<E>> {
        let mut out = Placed::new(self.ids.len());
        let mut missing = Vec::new();
        for (mask, batch) in &self.batches {
            let ids: Vec<E::Id> = batch.iter().map(|at| self.ids[*at].clone()).collect();
            let patches: Vec<&NewPatch<E>> = batch.iter().map(|at| &self.patches[*at]).collect();
            let found = if *mask == Mask::default() {
                Found::or_missing(read_batch::<DB, E>(wire, cx, &ids).await?)
            } else {
                update_batch::<DB, E>(wire, cx, *mask, &ids, &patches).await?
            };
            for (at, found) in batch.iter().zip(found) {
                match found {
                    Found::Written(row) => out.place([(*at, row)]),
                    Found::Missing => missing.push(*at),
                    Found::Left => {}
                }
            }
        }
        if !missing.is_empty() {
            let ids: Vec<E::Id> = missing.iter().map(|at| self.ids[*at].clone()).collect();
            for (at, id) in missing.iter().zip(&ids) {
                let assignments: Vec<_> = of_values(E::META, &self.patches[*at]).collect();
                let which = Which::<E>::one(id).to(Action::Update).assigning(&assignments);
                if let Some(error) = refusal::<DB, E>(wire, cx, &which).await? {
                    return Err(error);
                }
            }
            // The bracket around this operation undoes what other batches wrote.
            missing.sort_unstable();
            return Err(self::missing::<E>(&self.ids, missing));
        }
        out.finish().map_err(|_| Error::NotStored { entity: E::META.entity })
    }
}

/// What became of one row of a batch.
enum Found<E> {
    Written(E),
    Missing,
    /// It is there and was not written, because another one is missing (or a trigger swallowed the write).
    Left,
}

impl<E> Found<E> {
    fn or_missing(rows: Vec<Option<E>>) -> Vec<Self> {
        rows.into_iter().map(|row| row.map_or(Found::Missing, Found::Written)).collect()
    }
}

fn missing<E: Entity>(ids: &[E::Id], positions: Vec<usize>) -> Error {
    let text = |at: &usize| format!("{:?}", ids[*at]);
    Error::Missing(Box::new(Missing {
        entity: E::META.entity,
        asked: ids.len(),
        ids: positions.iter().map(text).collect(),
        positions,
    }))
}

/// Rows whose patch changes nothing.
async fn read_batch<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    ids: &[E::Id],
) -> Result<Vec<Option<E>>> {
    let mut sql = cx.select::<DB, E>();
    Which::<E>::many(ids).write(&mut sql);
    let rows = decode_all(wire, sql.finish()?).await?;
    in_order_of::<DB, E>(wire, cx, ids, rows).await
}

/// Rows of patches of one shape, logged, and shown to the entity's own plugins.
async fn update_batch<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    mask: Mask,
    ids: &[E::Id],
    patches: &[&NewPatch<E>],
) -> Result<Vec<Found<E>>> {
    lock_first::<DB, E>(wire, cx, &Which::many(ids).to(Action::Update)).await?;
    let apart = E::META.plug.audit.as_ref().filter(|audit| !logs_at_once(DB::DIALECT, audit));
    let olds = match apart {
        Some(_) => lock_seen::<DB, E>(wire, cx, &Which::many(ids)).await?,
        None => Vec::new(),
    };
    let found = match DB::DIALECT {
        Dialect::Postgres => update_batch_postgres::<DB, E>(wire, cx, mask, ids, patches).await?,
        Dialect::Sqlite => update_batch_sqlite::<DB, E>(wire, cx, mask, ids, patches).await?,
        Dialect::MySql => update_batch_mysql::<DB, E>(wire, cx, mask, ids, patches).await?,
    };
    judge_batch::<DB, E>(wire, cx, mask, &found).await?;
    if let Some(audit) = apart {
        let written: Vec<E::Id> = olds.iter().map(|seen| seen.row.id()).collect();
        if !written.is_empty() {
            let olds = olds.into_iter().map(|seen| (seen.key, seen.json)).collect();
            let news = read_by_keys::<DB, E>(wire, cx, &written).await?;
            write_entries::<DB>(wire, cx, E::META, audit, pair(Operation::Update, olds, &news)).await?;
        }
    }
    if E::CUSTOM.after_write && found.iter().all(|found| matches!(found, Found::Written(_))) {
        // The rows are lent, not copied: `Found` keeps them.
        let mut rows = Vec::with_capacity(found.len());
        for found in found {
            if let Found::Written(row) = found {
                rows.push(row);
            }
        }
        show(wire, cx, Operation::Update, &rows).await?;
        return Ok(rows.into_iter().map(Found::Written).collect());
    }
    Ok(found)
}

/// Judges rows as an update of these columns has stored them.
async fn judge_batch<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    mask: Mask,
    found: &[Found<E>],
) -> Result<()> {
    let changed: Vec<usize> = columns(E::META, mask).map(|col| col.index).collect();
    let demands = becomes(E::META, &cx.plugins(), &changed);
    let id = |found: &Found<E>| match found {
        Found::Written(row) => Some(row.id()),
        Found::Missing | Found::Left => None,
    };
    let ids: Vec<E::Id> = found.iter().filter_map(id).collect();
    judge::<DB, E>(wire, cx, Action::Update, &ids, &demands).await
}

/// Writes what has to hold for rows so that these columns of theirs may be updated.
fn may_be_updated<E: Entity>(sql: &mut Sql<'_>, mask: Mask, glue: &str) {
    let before = sql.len();
    sql.locking(|sql| {
        sql.accessible(E::META, Deleted::Hidden, &[Action::Read, Action::Update], glue);
        let writes = writes(E::META, &sql.cx(), columns(E::META, mask).map(|col| col.index));
        sql.demands(E::META, &writes, if sql.len() > before { " AND " } else { glue });
    });
}

/// Puts rows in the order of their keys. A key that its column stores in another spelling (a collation that ignores
/// case, padding) is looked up by the database.
pub(super) async fn in_order_of<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    ids: &[E::Id],
    rows: Vec<E>,
) -> Result<Vec<Option<E>>> {
    let mut found: HashMap<E::Id, E> = rows.into_iter().map(|row| (row.id(), row)).collect();
    let mut out: Vec<Option<E>> = ids.iter().map(|id| found.remove(id)).collect();
    if !found.is_empty() {
        let mut known: HashSet<E::Id> = found.into_keys().collect();
        known.extend(out.iter().flatten().map(E::id));
        for (id, row) in ids.iter().zip(&mut out).filter(|(_, row)| row.is_none()) {
            let spelt: Option<E> = decode_first(wire, find_statement::<DB, E>(cx, id)?).await?;
            // Not one that is there, and was left out.
            *row = spelt.filter(|row| known.contains(&row.id()));
        }
    }
    Ok(out)
}

/// Locks the rows in the order of their keys, so that two batches cannot deadlock, and writes only if all are there.
async fn update_batch_postgres<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    mask: Mask,
    ids: &[E::Id],
    patches: &[&NewPatch<E>],
) -> Result<Vec<Found<E>>> {
    let mut sql = cx.sql::<DB>();
    if keys_and_values_have_arrays::<E>(DB::DIALECT, mask) {
        sql.push("WITH v AS (SELECT * FROM UNNEST(").list(
            key_columns(E::META).enumerate(),
            ", ",
            |sql, (part, col)| {
                sql.array(col.codec, ids.iter().map(|id| E::id_value(id, part)).collect());
            },
        );
        sql.list(columns(E::META, mask), "", |sql, col| {
            let values = patches.iter().filter_map(|patch| patch.value(col.index)).collect();
            sql.push(", ").array(col.codec, values);
        });
        sql.push(") WITH ORDINALITY AS v (");
        value_names::<E>(&mut sql, mask);
        sql.push(", ord)");
    } else {
        sql.push("WITH v (");
        value_names::<E>(&mut sql, mask);
        sql.push(", ord) AS (VALUES ").list(
            ids.iter().zip(patches).enumerate(),
            ", ",
            |sql, (ord, (id, patch))| {
                sql.push("(");
                row_of_values::<E>(sql, mask, id, *patch);
                sql.push(", ").push(&ord.to_string()).push("::bigint)");
            },
        );
    }
    let audit = E::META.plug.audit.as_ref().filter(|audit| logs_at_once(DB::DIALECT, audit));
    sql.push("), k AS MATERIALIZED (SELECT v.ord");
    if audit.is_some() {
        sql.push(" AS kysera_ord");
        sql.list(E::META.columns, "", |sql, col| {
            sql.push(", t.").ident(col.name);
        });
    }
    sql.push(" FROM ").table(E::META).push(" t JOIN v ON ");
    same_key::<E>(&mut sql, |sql| {
        sql.push("t");
    });
    sql.about_table("t", |sql| {
        may_be_updated::<E>(sql, mask, " WHERE ");
    });
    sql.push(" ORDER BY ").list(key_columns(E::META), ", ", |sql, col| {
        sql.push("t.").ident(col.name);
    });
    sql.push(" FOR NO KEY UPDATE OF t), w AS (UPDATE ").table(E::META).push(" t SET ");
    assign_from_values::<E>(&mut sql, mask);
    if let Some(next) = next_version(E::META) {
        sql.push(", ").about_table("t", |sql| next.write(sql));
    }
    sql.push(" FROM v WHERE ");
    same_key::<E>(&mut sql, |sql| {
        sql.push("t");
    });
    sql.push(" AND (SELECT count(*) FROM k) = (SELECT count(*) FROM v) RETURNING v.ord AS kysera_ord");
    sql.list(E::META.columns, "", |sql, col| {
        sql.push(", t.").ident(col.name);
    });
    sql.push(")");
    let mut ord = "k.ord";
    if let Some(audit) = audit {
        ord = "k.kysera_ord";
        // Without the numbers, which are no columns of the entity.
        for (row, of) in [(OLD, "k"), (NEW, "w")] {
            sql.push(", ")
                .ident(row)
                .push(" AS (SELECT ")
                .names(E::META.columns)
                .push(" FROM ")
                .push(of)
                .push(")");
        }
        log_query(&mut sql, E::META, audit, cx, Operation::Update, Sides::Both);
    }
    sql.push(" SELECT CASE WHEN ").push(ord);
    sql.push(" IS NULL THEN 0::bigint WHEN w.kysera_ord IS NULL THEN 1::bigint ELSE 2::bigint END");
    sql.list(E::META.columns, "", |sql, col| {
        sql.push(", ");
        if E::META.hides_columns() {
            sql.about_table("w", |sql| {
                sql.readable_column(col, true);
            });
        } else {
            sql.push("w.").ident(col.name);
        }
    });
    sql.push(" FROM v LEFT JOIN k ON ").push(ord);
    sql.push(" = v.ord LEFT JOIN w ON w.kysera_ord = v.ord ORDER BY v.ord");

    let mut out = Vec::with_capacity(ids.len());
    let mut check = true;
    let mut rows = wire.fetch(sql.finish()?);
    while let Some(row) = rows.try_next().await? {
        out.push(match DB::integer(&row, 0)? {
            0 => Found::Missing,
            1 => Found::Left,
            _ => {
                let row = E::decode(&mut Cells::new(&row, E::META, 1, check));
                let row = row.map_err(|error| rows.failed(error))?;
                check = false;
                Found::Written(row)
            }
        });
    }
    Ok(out)
}

async fn update_batch_sqlite<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    mask: Mask,
    ids: &[E::Id],
    patches: &[&NewPatch<E>],
) -> Result<Vec<Found<E>>> {
    let mut sql = cx.sql::<DB>().writing(E::META);
    sql.push("WITH v (");
    value_names::<E>(&mut sql, mask);
    sql.push(") AS (VALUES ").list(ids.iter().zip(patches), ", ", |sql, (id, patch)| {
        sql.push("(");
        row_of_values::<E>(sql, mask, id, *patch);
        sql.push(")");
    });
    sql.push(") UPDATE ").table(E::META).push(" SET ");
    assign_from_values::<E>(&mut sql, mask);
    if let Some(next) = next_version(E::META) {
        sql.push(", ");
        next.write(&mut sql);
    }
    sql.push(" FROM v WHERE ");
    same_key::<E>(&mut sql, |sql| {
        sql.ident(E::META.table);
    });
    may_be_updated::<E>(&mut sql, mask, " AND ");
    returning(&mut sql, E::META);
    let rows = decode_all(wire, sql.finish()?).await?;
    Ok(Found::or_missing(in_order_of::<DB, E>(wire, cx, ids, rows).await?))
}

/// A CASE per column: it locks the listed rows alone, and types come from the column.
async fn update_batch_mysql<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    mask: Mask,
    ids: &[E::Id],
    patches: &[&NewPatch<E>],
) -> Result<Vec<Found<E>>> {
    if !is_unguarded(E::META) {
        // Rows that the caller may read and not change are there afterwards, as if they had been changed.
        let mut sql = cx.select::<DB, E>();
        sql.push(" WHERE ");
        key_in::<E>(&mut sql, ids);
        may_be_updated::<E>(&mut sql, mask, " AND ");
        sql.push(" FOR UPDATE");
        let rows = decode_all(wire, sql.finish()?).await?;
        if rows.len() != ids.len() {
            let rows = in_order_of::<DB, E>(wire, cx, ids, rows).await?;
            let found = |row: Option<E>| if row.is_some() { Found::Left } else { Found::Missing };
            return Ok(rows.into_iter().map(found).collect());
        }
    }
    let mut sql = cx.sql::<DB>().writing(E::META);
    sql.push("UPDATE ").table(E::META).push(" SET ").list(columns(E::META, mask), ", ", |sql, col| {
        sql.ident(col.name).push(" = CASE").list(ids.iter().zip(patches), "", |sql, (id, patch)| {
            sql.push(" WHEN ").list(key_columns(E::META).enumerate(), " AND ", |sql, (part, key)| {
                sql.ident(key.name).push(" = ").value(key.codec, E::id_value(id, part));
            });
            if let Some(value) = patch.value(col.index) {
                sql.push(" THEN ").value(col.codec, value);
            }
        });
        sql.push(" END");
    });
    if let Some(next) = next_version(E::META) {
        sql.push(", ");
        next.write(&mut sql);
    }
    sql.push(" WHERE ");
    key_in::<E>(&mut sql, ids);
    may_be_updated::<E>(&mut sql, mask, " AND ");
    let done = wire.execute(sql.finish()?).await?;

    let mut sql = cx.select::<DB, E>();
    if !is_unguarded(E::META) && done.rows != ids.len() as u64 {
        return Ok(ids.iter().map(|_| Found::Left).collect());
    }
    if done.rows == ids.len() as u64 {
        // All of them, also those that what was written hides.
        sql.push(" WHERE ");
        key_in::<E>(&mut sql, ids);
    } else {
        Which::<E>::many(ids).write(&mut sql);
    }
    sql.push(" FOR UPDATE");
    let rows = decode_all(wire, sql.finish()?).await?;
    Ok(Found::or_missing(in_order_of::<DB, E>(wire, cx, ids, rows).await?))
}

/// The columns of the list of new values: `k<part of the key>` and `c<index of the column>`.
fn value_names<E: Entity>(sql: &mut Sql<'_>, mask: Mask) {
    sql.list(0..E::META.id.len(), ", ", |sql, part| {
        sql.push(&format!("k{part}"));
    });
    sql.list(columns(E::META, mask), "", |sql, col| {
        sql.push(&format!(", c{}", col.index));
    });
}

fn row_of_values<'v, E: Entity>(sql: &mut Sql<'v>, mask: Mask, id: &'v E::Id, patch: &'v NewPatch<E>) {
    sql.list(key_columns(E::META).enumerate(), ", ", |sql, (part, col)| {
        sql.value(col.codec, E::id_value(id, part));
    });
    for col in columns(E::META, mask) {
        if let Some(value) = patch.value(col.index) {
            sql.push(", ").value(col.codec, value);
        }
    }
}

fn assign_from_values<E: Entity>(sql: &mut Sql<'_>, mask: Mask) {
    sql.list(columns(E::META, mask), ", ", |sql, col| {
        sql.ident(col.name).push(&format!(" = v.c{}", col.index));
    });
}

fn same_key<E: Entity>(sql: &mut Sql<'_>, target: impl Fn(&mut Sql<'_>)) {
    sql.list(key_columns(E::META).enumerate(), " AND ", |sql, (part, col)| {
        target(sql);
        sql.push(".").ident(col.name).push(&format!(" = v.k{part}"));
    });
}
