//! Upserts of which someone has to know what they did: the log, plugins, and rows that may not be seen.

use super::conflict::Conflict;
use super::create::{NewRow, insert_one};
use super::sql::{bind, from_arrays, has_arrays, insert_head, insert_if, insert_text, value_rows};
use super::upsert::{is_cardinality_violation, refused};
use crate::backend::{Backend, Statement};
use crate::entity::{Entity, Mask, On, Operation, Values};
use crate::error::{Error, Result};
use crate::expr::{Action, Col, Deleted, Demand, Sql, VALUES};
use crate::observe::Wire;
use crate::query::{decode_all, decode_first};
use crate::source::Cx;
use crate::write::{
    Answer, Assignment, Keys, NEW, OLD, Sides, To, Which, change, columns, create_refusal, created, decode,
    is_late, judge, key_columns, log_created, log_query, next_version, row_lock, select_from, show,
    take_turn,
};

/// How often a row may be created or deleted by someone else just then.
pub(super) const TRIES: usize = 16;

/// What MySQL answers as the id of the last insert where the key was taken. No id is that large.
const TAKEN: u64 = 1 << 62;

/// Creates the row, or locks and updates the one that has its key.
pub(super) async fn upsert<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    mask: Mask,
    new: &NewRow<E>,
    conflict: &Conflict<E>,
) -> Result<E> {
    take_turn::<DB>(wire, cx, E::META).await?;
    let demands = created::<E>(&cx.plugins(), mask, Some(new));
    let late = is_late(E::META, &demands, mask);
    let now = if late { &[] } else { &demands[..] };
    for _ in 0..TRIES {
        if let Some(row) = create_unless_taken::<DB, E>(wire, cx, mask, new, conflict, now).await? {
            let rows = std::slice::from_ref(&row);
            if late {
                judge::<DB, E>(wire, cx, Action::Create, &[row.id()], &demands).await?;
            }
            log_created::<DB, E>(wire, cx, rows).await?;
            show(wire, cx, Operation::Create, rows).await?;
            return Ok(row);
        }
        // Whether or not the key is taken, the new row has to be one that may be created.
        if let Some(error) = create_refusal::<DB, E>(wire, cx, mask, new, now).await? {
            return Err(error);
        }
        // A key may be unique among live rows alone: then there are deleted ones beside the one that has it.
        let live = lock_taken::<DB, E>(wire, cx, new, conflict, Deleted::Hidden).await?;
        let mut operation = Operation::Update;
        let found = match live {
            Some(row) if conflict.keeps_live(mask) => return Ok(row),
            None if conflict.updatable() == Deleted::Shown => {
                operation = Operation::Restore;
                lock_taken::<DB, E>(wire, cx, new, conflict, Deleted::Only).await?
            }
            live => live,
        };
        let row = match found {
            None => None,
            Some(found) => {
                let value = |col: &&'static crate::expr::Col| {
                    Some(Assignment { col, to: To::Value(new.value(col.index)?) })
                };
                let mut assignments: Vec<_> = conflict.updated(mask).iter().filter_map(value).collect();
                assignments.extend(conflict.restored());
                assignments.extend(next_version(E::META));
                // The key finds it once; afterwards it is the same row by its primary key.
                let id = found.id();
                let which = Which::<E>::one(&id).deleted(conflict.updatable());
                let changed = change(wire, cx, operation, &assignments, &which, Answer::Rows).await?;
                changed.rows.into_iter().next()
            }
        };
        if let Some(row) = row {
            return Ok(row);
        }
        match refused::<DB, E>(wire, cx, conflict, &[new]).await? {
            // It may have been deleted since.
            Error::NotStored { .. } if is_gone::<DB, E>(wire, cx, conflict, new).await? => {}
            error => return Err(error),
        }
    }
    Err(Error::NotStored { entity: E::META.entity })
}

/// The row that has the key, locked.
async fn lock_taken<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    new: &NewRow<E>,
    conflict: &Conflict<E>,
    deleted: Deleted,
) -> Result<Option<E>> {
    let mut which = Which::<E>::filtered(deleted, &[]);
    which.keys = Keys::Like(conflict.target(), new);
    let mut sql = cx.select::<DB, E>();
    which.write(&mut sql);
    sql.push(row_lock(DB::DIALECT));
    decode_first(wire, sql.finish()?).await
}

/// Whether no row has the key any more.
async fn is_gone<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    conflict: &Conflict<E>,
    new: &NewRow<E>,
) -> Result<bool> {
    let mut sql = cx.sql::<DB>();
    sql.push("SELECT 1 FROM ").table(E::META).push(" WHERE ").equal(conflict.target(), new);
    Ok(wire.fetch_optional(sql.finish()?).await?.is_none())
}

/// The new row, or `None` if its key is taken; on MySQL the row that has it is locked then.
async fn create_unless_taken<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    mask: Mask,
    new: &NewRow<E>,
    conflict: &Conflict<E>,
    demands: &[Demand],
) -> Result<Option<E>> {
    let mut sql = cx.sql::<DB>();
    insert_if(&mut sql, E::META, mask, new, demands);
    if DB::DIALECT.has_returning() {
        conflict.conflict_target(&mut sql);
        sql.push(" DO NOTHING RETURNING ").readable_columns(E::META, false);
        return decode_first(wire, sql.finish()?).await;
    }
    let Some(first) = conflict.target().first() else { return Ok(None) };
    // What LAST_INSERT_ID is given depends on the row: MariaDB computes a constant also where there is nothing to update.
    sql.push(" ON DUPLICATE KEY UPDATE ").ident(first.name).push(" = IF(LAST_INSERT_ID(IF(");
    conflict.same_key(&mut sql);
    sql.push(&format!(", {TAKEN}, CAST(0 AS UNSIGNED))) = {TAKEN}, "))
        .column(first)
        .push(", (SELECT 1 UNION SELECT 2))");
    match wire.execute(sql.finish()?).await {
        Ok(done) if done.last_insert_id == TAKEN => Ok(None),
        // The new row was refused.
        Ok(done) if done.rows == 0 && !demands.is_empty() => Ok(None),
        Ok(_) => {
            let mut sql = cx.select::<DB, E>();
            sql.push(" WHERE ").equal(conflict.target(), new).push(row_lock(DB::DIALECT));
            let rows: Vec<E> = decode(wire, sql).await?;
            rows.into_iter().next().map(Some).ok_or(Error::NotStored { entity: E::META.entity })
        }
        Err(error) if is_cardinality_violation(error.as_sqlx()) => {
            // Without the clause MySQL names the other key.
            wire.execute(bind::<DB, E>(cx, insert_text::<DB, E>(cx, mask), mask, Some(new), None)?).await?;
            Err(Error::NotStored { entity: E::META.entity })
        }
        Err(error) => Err(error),
    }
}

/// PostgreSQL: one row with its log, in one statement. It is sent again where someone else created the row just then.
pub(super) async fn with_log_one<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    mask: Mask,
    new: &NewRow<E>,
    conflict: &Conflict<E>,
) -> Result<E> {
    if conflict.target().iter().any(|col| !mask.contains(col.index)) {
        return insert_one(wire, cx, new).await;
    }
    for _ in 0..TRIES {
        let mut rows: Vec<E> = decode_all(wire, with_log::<DB, E>(cx, mask, &[new], conflict)?).await?;
        if let Some(row) = rows.pop() {
            return Ok(row);
        }
        match refused::<DB, E>(wire, cx, conflict, &[new]).await? {
            Error::NotStored { .. } => {}
            error => return Err(error),
        }
    }
    Err(Error::NotStored { entity: E::META.entity })
}

/// PostgreSQL: locks the rows that have the keys, inserts or updates, and logs.
///
/// A row may be updated only if it was locked before, and so read: of one that someone else created in between, the log would
/// not know the old values. It is left alone then, and missing in the answer.
pub(super) fn with_log<DB: Backend, E: On<DB>>(
    cx: Cx<'_>,
    mask: Mask,
    rows: &[&NewRow<E>],
    conflict: &Conflict<E>,
) -> Result<Statement<DB>> {
    let meta = E::META;
    let Some(audit) = &meta.plug.audit else { return Err(Error::NotStored { entity: meta.entity }) };
    let updated = conflict.updated(mask);
    let mut sql = cx.sql::<DB>();
    sql.push("WITH ")
        .ident(OLD)
        .push(" AS MATERIALIZED (SELECT ")
        .names(meta.columns)
        .push(" FROM ")
        .table(meta);
    sql.push(" WHERE ");
    like_any(&mut sql, mask, rows, conflict);
    sql.push(" ORDER BY ").names(key_columns(meta)).push(" FOR UPDATE), ").ident(NEW).push(" AS (");
    insert_head(&mut sql, meta, mask);
    // The rows that have the keys are locked before the first one is written.
    let first = |sql: &mut Sql<'_>| {
        sql.push(" CROSS JOIN (SELECT COUNT(*) FROM ").ident(OLD).push(") AS \"kysera_first\"");
    };
    sql.push(" SELECT ");
    let arrays = has_arrays(DB::DIALECT, meta, mask);
    if arrays {
        from_arrays(&mut sql, meta, mask, rows);
        first(&mut sql);
    } else {
        sql.list(columns(meta, mask), ", ", |sql, col| {
            sql.push("\"kysera_v\".").ident(col.name);
        });
        sql.push(" FROM (VALUES ");
        value_rows(&mut sql, meta, mask, rows);
        sql.push(") AS \"kysera_v\" (").names(columns(meta, mask)).push(")");
        first(&mut sql);
    }
    if let [new] = rows {
        let demands = created::<E>(&cx.plugins(), mask, Some(*new));
        if !demands.is_empty() {
            sql.push(" WHERE ").locking(|sql| {
                judged_values(sql, meta, mask, *new, &demands);
            });
        }
    }
    if arrays {
        sql.push(" ORDER BY \"kysera_v\".\"kysera_ord\"");
    }
    conflict.conflict_clause(&mut sql, &updated);
    sql.push(" WHERE EXISTS (SELECT 1 FROM ").ident(OLD).push(" WHERE ");
    sql.list(key_columns(meta), " AND ", |sql, col| {
        sql.ident(OLD).push(".").ident(col.name).push(" = ").column(col);
    });
    sql.push(")");
    conflict.may_be_updated(&mut sql, &updated, " AND ");
    sql.push(" RETURNING ").list(meta.columns, ", ", |sql, col| {
        sql.column(col);
    });
    sql.push(")");
    let operation = if conflict.restored().is_some() { Operation::Restore } else { Operation::Update };
    log_query(&mut sql, meta, audit, cx, operation, Sides::Either);
    sql.push(" SELECT ");
    select_from(&mut sql, meta, NEW);
    sql.finish()
}

/// PostgreSQL: what has to hold for a new row, of its values as columns of the table.
fn judged_values<'v, V: Values>(
    sql: &mut Sql<'v>,
    meta: &'static crate::expr::Meta,
    mask: Mask,
    new: &'v V,
    demands: &[Demand],
) {
    let is_judged = |col: &&'static Col| demands.iter().any(|demand| demand.reads(col.index));
    let judged: Vec<&'static Col> = columns(meta, mask).filter(is_judged).collect();
    if judged.is_empty() {
        sql.demands(meta, demands, "");
        return;
    }
    sql.push("EXISTS (SELECT 1 FROM ").typed_values(meta, &judged, |sql, at| {
        if let Some((col, value)) = judged.get(at).and_then(|col| Some((col, new.value(col.index)?))) {
            sql.value(col.codec, value);
        }
    });
    sql.push(" WHERE ").about_table(VALUES, |sql| {
        sql.demands(meta, demands, "");
    });
    sql.push(")");
}

/// The rows that have one of the keys.
fn like_any<'v, E: Entity>(sql: &mut Sql<'v>, mask: Mask, rows: &[&'v NewRow<E>], conflict: &Conflict<E>) {
    let target = conflict.target();
    if rows.len() == 1 {
        if let Some(row) = rows.first() {
            sql.equal(target, *row);
        }
        return;
    }
    if has_arrays(sql.dialect(), E::META, mask) {
        sql.push("(").names(target.iter().copied()).push(") IN (SELECT * FROM UNNEST(").list(
            target,
            ", ",
            |sql, col| {
                sql.array(col.codec, rows.iter().filter_map(|row| row.value(col.index)).collect());
            },
        );
        sql.push("))");
        return;
    }
    sql.list(rows, " OR ", |sql, row| {
        sql.push("(").equal(target, *row).push(")");
    });
}
