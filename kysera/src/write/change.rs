//! Statements that change rows, whatever asks for them.

use futures_util::TryStreamExt;

use super::guard::{is_unguarded, judge, lock_first, locks_first, refusal};
use super::keys::{key_columns, key_in, key_is, keys_per_statement};
use super::log::{
    Entry, NEW, OLD, Seen, Sides, lock_seen, log_query, pair, read_seen, row_lock, seen_columns,
    write_entries,
};
use super::set::{self, Assignment};
use super::which::{Keys, Which};
use crate::backend::{Backend, Dialect};
use crate::entity::{Cells, Entity, On, Operation, Written};
use crate::error::Result;
use crate::expr::{Action, Audit, Col, Meta, Sql};
use crate::observe::Wire;
use crate::source::{Cx, Unit};

/// What a write answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// How many rows it wrote.
    Count,
    /// The rows, as stored.
    Rows,
}

/// What a write did.
pub(crate) struct Changed<E> {
    /// Empty where only their number was asked for.
    pub(crate) rows: Vec<E>,
    pub(crate) count: u64,
}

impl<E> Changed<E> {
    fn nothing() -> Self {
        Self { rows: Vec::new(), count: 0 }
    }

    fn of(rows: Vec<E>) -> Self {
        let count = rows.len() as u64;
        Self { rows, count }
    }
}

/// Whether a log can be written in the statement that it is about.
pub(crate) fn logs_at_once(dialect: Dialect, audit: &Audit) -> bool {
    dialect == Dialect::Postgres && !audit.chain
}

/// What a write of one entity needs that is a single statement without plugins, or with those that are part of it.
pub(crate) fn unit_of<E: Entity>(dialect: Dialect, answer: Answer) -> Unit {
    let meta = E::META;
    let logs_apart = meta.plug.audit.as_ref().is_some_and(|audit| !logs_at_once(dialect, audit));
    if logs_apart || E::CUSTOM.after_write {
        Unit::Atomic
    } else if answer == Answer::Rows && !dialect.has_returning() {
        Unit::Transaction
    } else {
        Unit::Statement
    }
}

/// The same of a write of one row that is there.
pub(crate) fn unit_of_change<E: Entity>(
    dialect: Dialect,
    cx: Cx<'_>,
    answer: Answer,
    action: Action,
) -> Unit {
    match unit_of::<E>(dialect, answer) {
        Unit::Statement if locks_first::<E>(dialect, cx, action) => Unit::Transaction,
        unit => unit,
    }
}

/// The same of a write of several rows. What a policy refuses of them undoes the rest.
pub(crate) fn unit_of_several<E: Entity>(dialect: Dialect, answer: Answer) -> Unit {
    if is_unguarded(E::META) { unit_of::<E>(dialect, answer) } else { Unit::Atomic }
}

/// `UPDATE <table> SET .. WHERE ..`, logged, and shown to the entity's own plugins.
pub(crate) async fn change<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    operation: Operation,
    assignments: &[Assignment<'_>],
    which: &Which<'_, E>,
    answer: Answer,
) -> Result<Changed<E>> {
    let action = action_of(operation);
    let which = match which.action {
        Action::Read => which.clone().to(action),
        _ => which.clone(),
    };
    let assigned = if which.action == Action::Update { assignments } else { &[] };
    let which = &which.assigning(assigned);
    lock_first::<DB, E>(wire, cx, which).await?;
    let late = if which.is_one() { Vec::new() } else { which.becomes(&cx.plugins()) };
    // Its own plugins see the rows, and so does who has to judge them.
    let answer = if E::CUSTOM.after_write || !late.is_empty() { Answer::Rows } else { answer };
    let changed = match &E::META.plug.audit {
        Some(audit) if logs_at_once(DB::DIALECT, audit) => {
            change_at_once(wire, cx, audit, operation, assignments, which, answer).await?
        }
        Some(audit) => change_step_by_step(wire, cx, audit, operation, assignments, which).await?,
        None if answer == Answer::Rows && !DB::DIALECT.has_returning() => {
            change_and_read_back(wire, cx, assignments, which).await?
        }
        None => change_alone(wire, cx, operation, assignments, which, answer).await?,
    };
    refuse_left_out::<DB, E>(wire, cx, which, changed.count).await?;
    if !late.is_empty() {
        let ids: Vec<E::Id> = changed.rows.iter().map(E::id).collect();
        judge::<DB, E>(wire, cx, which.action, &ids, &late).await?;
    }
    show(wire, cx, operation, &changed.rows).await?;
    Ok(changed)
}

/// What a policy calls an operation on rows that are there.
fn action_of(operation: Operation) -> Action {
    match operation {
        Operation::Delete | Operation::Purge => Action::Delete,
        _ => Action::Update,
    }
}

/// Refuses a write that has left out rows which were named, and which the caller may see.
async fn refuse_left_out<DB: Backend, E: Entity>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    which: &Which<'_, E>,
    written: u64,
) -> Result<()> {
    let named = match which.keys {
        Keys::Many(ids) => ids.len() as u64,
        Keys::One(_) | Keys::Like(..) => 1,
        Keys::Any | Keys::Among(..) => 0,
    };
    if written >= named {
        return Ok(());
    }
    refusal::<DB, E>(wire, cx, which).await?.map_or(Ok(()), Err)
}

/// The UPDATE and nothing else.
async fn change_alone<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    operation: Operation,
    assignments: &[Assignment<'_>],
    which: &Which<'_, E>,
    answer: Answer,
) -> Result<Changed<E>> {
    let mut sql = cx.sql::<DB>().writing(E::META);
    let ordered = DB::DIALECT == Dialect::Postgres && is_of_plugins(operation, which);
    if ordered {
        lock_in_order(&mut sql, which, key_columns(E::META));
        sql.push(" ");
    }
    sql.push("UPDATE ").table(E::META).push(" SET ");
    set::write(&mut sql, assignments);
    if ordered {
        from_old(&mut sql, E::META);
    } else {
        which.write(&mut sql);
    }
    if answer == Answer::Count {
        return Ok(Changed { rows: Vec::new(), count: wire.execute(sql.finish()?).await?.rows });
    }
    sql.push(" RETURNING ").readable_columns(E::META, ordered);
    Ok(Changed::of(decode(wire, sql).await?))
}

/// Shows the entity's own plugins what was written.
pub(crate) async fn show<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    operation: Operation,
    rows: &[E],
) -> Result<()> {
    if !E::CUSTOM.after_write || rows.is_empty() {
        return Ok(());
    }
    E::after_write(Written { operation, rows }, wire.reborrow(), cx.schema(), cx.plugins()).await
}

/// PostgreSQL: the rows are locked and read, changed and logged by one statement. The UPDATE takes its rows from those that
/// were read: otherwise it may meet others, or newer ones.
async fn change_at_once<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    audit: &Audit,
    operation: Operation,
    assignments: &[Assignment<'_>],
    which: &Which<'_, E>,
    answer: Answer,
) -> Result<Changed<E>> {
    let meta = E::META;
    let mut sql = cx.sql::<DB>();
    lock_in_order(&mut sql, which, meta.columns);
    sql.push(", ").ident(NEW).push(" AS (UPDATE ").table(meta).push(" SET ");
    set::write(&mut sql, assignments);
    from_old(&mut sql, meta);
    sql.push(" RETURNING ").list(meta.columns, ", ", |sql, col| {
        sql.column(col);
    });
    sql.push(")");
    log_query(&mut sql, meta, audit, cx, operation, Sides::Both);
    answer_from(wire, sql, NEW, answer).await
}

/// PostgreSQL: `WITH "kysera_old" AS (..)`, the rows, locked in the order of their keys: two such statements cannot deadlock.
pub(crate) fn lock_in_order<'a, E: Entity>(
    sql: &mut Sql<'a>,
    which: &Which<'a, E>,
    columns: impl IntoIterator<Item = &'static Col>,
) {
    sql.push("WITH ").ident(OLD).push(" AS (SELECT ").names(columns).push(" FROM ").table(E::META);
    which.write(sql);
    if !which.is_one() {
        sql.push(" ORDER BY ").names(key_columns(E::META));
    }
    sql.push(row_lock(Dialect::Postgres)).push(" OF ").ident(E::META.table).push(")");
}

/// PostgreSQL: ` FROM "kysera_old" WHERE ..`
pub(crate) fn from_old(sql: &mut Sql<'_>, meta: &'static Meta) {
    sql.push(" FROM ").ident(OLD).push(" WHERE ").list(key_columns(meta), " AND ", |sql, col| {
        sql.column(col).push(" = ").ident(OLD).push(".").ident(col.name);
    });
}

/// Whether a change of several rows is one that there is by plugins alone. What there is without them is a plain UPDATE, which
/// takes rows as it finds them.
fn is_of_plugins<E: Entity>(operation: Operation, which: &Which<'_, E>) -> bool {
    !which.is_one() && (operation != Operation::Update || !matches!(which.keys, Keys::Any))
}

/// Ends a statement with `SELECT .. FROM <cte>`.
async fn answer_from<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    mut sql: Sql<'_>,
    cte: &'static str,
    answer: Answer,
) -> Result<Changed<E>> {
    if answer == Answer::Rows {
        sql.push(" SELECT ");
        select_from(&mut sql, E::META, cte);
        return Ok(Changed::of(decode(wire, sql).await?));
    }
    sql.push(" SELECT COUNT(*) FROM ").ident(cte);
    let row = wire.fetch_optional(sql.finish()?).await?;
    let count = row.map(|row| DB::integer(&row, 0)).transpose()?.unwrap_or_default();
    Ok(Changed { rows: Vec::new(), count: count.unsigned_abs() })
}

/// The rows are locked and read, then changed by their keys, then read again and logged.
async fn change_step_by_step<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    audit: &'static Audit,
    operation: Operation,
    assignments: &[Assignment<'_>],
    which: &Which<'_, E>,
) -> Result<Changed<E>> {
    let olds = lock_seen::<DB, E>(wire, cx, which).await?;
    if olds.is_empty() {
        return Ok(Changed::nothing());
    }
    let ids: Vec<E::Id> = olds.iter().map(|seen| seen.row.id()).collect();
    let olds: Vec<(String, String)> = olds.into_iter().map(|seen| (seen.key, seen.json)).collect();
    let mut news: Vec<Seen<E>> = Vec::with_capacity(ids.len());
    for ids in ids.chunks(keys_per_statement::<E>(DB::DIALECT).min(MOST_AT_ONCE)) {
        let mut sql = cx.sql::<DB>().writing(E::META);
        sql.push("UPDATE ").table(E::META).push(" SET ");
        set::write(&mut sql, assignments);
        by_keys::<E>(&mut sql, ids);
        if DB::DIALECT.has_returning() {
            sql.push(" RETURNING ");
            seen_columns(&mut sql, E::META);
            news.extend(read_seen::<DB, E>(wire, sql).await?);
        } else {
            wire.execute(sql.finish()?).await?;
            news.extend(read_by_keys::<DB, E>(wire, cx, ids).await?);
        }
    }
    write_entries::<DB>(wire, cx, E::META, audit, pair(operation, olds, &news)).await?;
    Ok(Changed::of(news.into_iter().map(|seen| seen.row).collect()))
}

/// How many rows a statement of several takes: the rest of its arguments is for what it sets.
const MOST_AT_ONCE: usize = 500;

/// ` WHERE <keys>`, of rows that are locked: what else had to hold for them was seen when they were.
fn by_keys<'a, E: Entity>(sql: &mut Sql<'a>, ids: &'a [E::Id]) {
    sql.push(" WHERE ");
    match ids {
        [id] => key_is::<E>(sql, id),
        ids => key_in::<E>(sql, ids),
    }
}

/// MySQL: the rows are changed, then read. Several have to be found first, since afterwards the conditions may not hold.
async fn change_and_read_back<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    assignments: &[Assignment<'_>],
    which: &Which<'_, E>,
) -> Result<Changed<E>> {
    let found: Vec<E::Id>;
    let ids = match which.keys {
        Keys::One(id) => {
            let mut sql = cx.sql::<DB>().writing(E::META);
            sql.push("UPDATE ").table(E::META).push(" SET ");
            set::write(&mut sql, assignments);
            which.write(&mut sql);
            // Rows that were found, whether or not that changed them.
            if wire.execute(sql.finish()?).await?.rows == 0 {
                return Ok(Changed::nothing());
            }
            std::slice::from_ref(id)
        }
        _ => {
            let mut sql = cx.select::<DB, E>();
            which.write(&mut sql);
            sql.push(row_lock(DB::DIALECT));
            found = decode::<DB, E>(wire, sql).await?.iter().map(E::id).collect();
            for ids in found.chunks(MOST_AT_ONCE) {
                let mut sql = cx.sql::<DB>().writing(E::META);
                sql.push("UPDATE ").table(E::META).push(" SET ");
                set::write(&mut sql, assignments);
                by_keys::<E>(&mut sql, ids);
                wire.execute(sql.finish()?).await?;
            }
            &found[..]
        }
    };
    let mut rows = Vec::with_capacity(ids.len());
    for ids in ids.chunks(keys_per_statement::<E>(DB::DIALECT)) {
        let mut sql = cx.select::<DB, E>();
        by_keys::<E>(&mut sql, ids);
        sql.push(row_lock(DB::DIALECT));
        rows.extend(decode::<DB, E>(wire, sql).await?);
    }
    Ok(Changed::of(rows))
}

/// Rows that the transaction has locked, as they are now.
pub(crate) async fn read_by_keys<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    ids: &[E::Id],
) -> Result<Vec<Seen<E>>> {
    let mut sql = cx.sql::<DB>();
    sql.push("SELECT ");
    seen_columns(&mut sql, E::META);
    sql.push(" FROM ").table(E::META);
    by_keys::<E>(&mut sql, ids);
    sql.push(row_lock(DB::DIALECT));
    read_seen(wire, sql).await
}

/// `DELETE FROM <table> WHERE ..`, logged, and shown to the entity's own plugins. Answers how many rows there were.
pub(crate) async fn remove<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    operation: Operation,
    which: &Which<'_, E>,
) -> Result<u64> {
    let meta = E::META;
    let which = &which.clone().to(Action::Delete);
    lock_first::<DB, E>(wire, cx, which).await?;
    let answer = if E::CUSTOM.after_write { Answer::Rows } else { Answer::Count };
    let removed: Changed<E> = match &meta.plug.audit {
        Some(audit) if logs_at_once(DB::DIALECT, audit) => {
            let mut sql = cx.sql::<DB>();
            sql.push("WITH ").ident(OLD).push(" AS (DELETE FROM ").table(meta);
            which.write(&mut sql);
            sql.push(" RETURNING ").names(meta.columns).push(")");
            log_query(&mut sql, meta, audit, cx, operation, Sides::Old);
            answer_from(wire, sql, OLD, answer).await?
        }
        Some(audit) => {
            let olds = lock_seen::<DB, E>(wire, cx, which).await?;
            let mut rows = Vec::with_capacity(olds.len());
            let mut entries = Vec::with_capacity(olds.len());
            for Seen { row, key, json } in olds {
                rows.push(row);
                entries.push(Entry { key, operation, old: Some(json), new: None });
            }
            remove_by_keys(wire, cx, &rows).await?;
            write_entries::<DB>(wire, cx, meta, audit, entries).await?;
            Changed::of(rows)
        }
        None if answer == Answer::Rows && !DB::DIALECT.has_returning() => {
            let mut sql = cx.select::<DB, E>();
            which.write(&mut sql);
            sql.push(row_lock(DB::DIALECT));
            let rows = decode::<DB, E>(wire, sql).await?;
            remove_by_keys(wire, cx, &rows).await?;
            Changed::of(rows)
        }
        None => {
            let mut sql = cx.sql::<DB>().deleting(meta);
            sql.push("DELETE FROM ").table(meta);
            which.write(&mut sql);
            if answer == Answer::Rows {
                sql.push(" RETURNING ").readable_columns(meta, false);
                Changed::of(decode(wire, sql).await?)
            } else {
                Changed { rows: Vec::new(), count: wire.execute(sql.finish()?).await?.rows }
            }
        }
    };
    refuse_left_out::<DB, E>(wire, cx, which, removed.count).await?;
    show(wire, cx, operation, &removed.rows).await?;
    Ok(removed.count)
}

/// Removes rows that are locked.
async fn remove_by_keys<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    rows: &[E],
) -> Result<()> {
    let ids: Vec<E::Id> = rows.iter().map(E::id).collect();
    for ids in ids.chunks(keys_per_statement::<E>(DB::DIALECT)) {
        let mut sql = cx.sql::<DB>();
        sql.push("DELETE FROM ").table(E::META);
        by_keys::<E>(&mut sql, ids);
        wire.execute(sql.finish()?).await?;
    }
    Ok(())
}

/// Writes down rows that were just created, where that is not part of the INSERT.
pub(crate) async fn log_created<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    rows: &[E],
) -> Result<()> {
    let Some(audit) = &E::META.plug.audit else { return Ok(()) };
    let ids: Vec<E::Id> = rows.iter().map(E::id).collect();
    for ids in ids.chunks(keys_per_statement::<E>(DB::DIALECT)) {
        let mut seen = read_by_keys::<DB, E>(wire, cx, ids).await?;
        // In the order in which they were created.
        let places: std::collections::HashMap<&E::Id, usize> = ids.iter().zip(0..).collect();
        seen.sort_by_key(|seen| places.get(&seen.row.id()).copied());
        let entry =
            |Seen { key, json, .. }| Entry { key, operation: Operation::Create, old: None, new: Some(json) };
        write_entries::<DB>(wire, cx, E::META, audit, seen.into_iter().map(entry).collect()).await?;
    }
    Ok(())
}

/// PostgreSQL: ends an INSERT, which begins with `WITH "kysera_new" AS (`, with its log.
pub(crate) fn logged_insert(
    sql: &mut Sql<'_>,
    meta: &'static Meta,
    audit: &Audit,
    cx: Cx<'_>,
    answer: Answer,
) {
    sql.push(" RETURNING ").names(meta.columns).push(")");
    log_query(sql, meta, audit, cx, Operation::Create, Sides::New);
    sql.push(" SELECT ");
    match answer {
        Answer::Rows => select_from(sql, meta, NEW),
        Answer::Count => {
            sql.push("COUNT(*) FROM ").ident(NEW);
        }
    }
}

/// `<columns> FROM <cte>`, as far as the caller may read them.
pub(crate) fn select_from(sql: &mut Sql<'_>, meta: &'static Meta, cte: &'static str) {
    sql.about_table(cte, |sql| {
        sql.readable_columns(meta, false);
    });
    sql.push(" FROM ").ident(cte);
}

/// Runs a statement to its end and decodes all rows.
pub(crate) async fn decode<DB: Backend, E: On<DB>>(wire: &mut Wire<'_, DB>, sql: Sql<'_>) -> Result<Vec<E>> {
    let mut rows = wire.fetch(sql.finish()?);
    let mut out = Vec::new();
    while let Some(row) = rows.try_next().await? {
        let row = E::decode(&mut Cells::new(&row, E::META, 0, out.is_empty()));
        out.push(row.map_err(|error| rows.failed(error))?);
    }
    Ok(out)
}
