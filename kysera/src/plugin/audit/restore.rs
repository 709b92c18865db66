//! Putting rows back to what an entry says that they were.

use std::borrow::Cow;
use std::marker::PhantomData;

use super::AuditTable;
use super::past::{is_of_this_life, is_seen_as};
use super::seen::is_narrowed;
use super::values::{Known, Said, Values, said, said_columns};
use crate::backend::{Backend, Dialect};
use crate::entity::{Audited, Entity, On, Operation};
use crate::error::{AuditError, Error, Result};
use crate::expr::{Action, Col, Deleted, Fill, Meta, Sql, Value};
use crate::observe::Wire;
use crate::query::decode_first;
use crate::source::{Cx, Op, Unit};
use crate::write::{
    Answer, Assignment, NEW, Prepare, To, Which, audit_table_name, change, judge, log_created, logged_insert,
    logs_at_once, next_version, policy_for, row_lock, show, take_turn, writes,
};

/// Puts a row back to the old values of an entry.
pub(super) struct RestoreFrom<E> {
    pub(super) entry: i64,
    pub(super) entity: PhantomData<fn() -> E>,
}

impl<DB: Backend, E: On<DB> + Audited> Op<DB> for RestoreFrom<E> {
    type Out = E;

    fn meta(&self) -> &'static Meta {
        E::META
    }

    fn unit(&self, _: Cx<'_>) -> Unit {
        Unit::Atomic
    }

    async fn run(self, wire: &mut Wire<'_, DB>, cx: Cx<'_>) -> Result<E> {
        match self.restore(wire, cx).await {
            // To whom rows can be hidden, an entry that cannot be restored does not exist.
            Err(
                Error::NotFound { .. }
                | Error::Audit(AuditError::Created { .. } | AuditError::NoValues { .. }),
            ) if is_narrowed(E::META, &cx.plugins()) => {
                Err(Error::NotFound { entity: super::AuditEntry::META.entity })
            }
            restored => restored,
        }
    }
}

impl<E: Entity + Audited> RestoreFrom<E> {
    async fn restore<DB: Backend>(self, wire: &mut Wire<'_, DB>, cx: Cx<'_>) -> Result<E>
    where
        E: On<DB>,
    {
        let entity = E::META.entity;
        take_turn::<DB>(wire, cx, E::META).await?;
        let mut sql = cx.sql::<DB>();
        sql.push("SELECT ");
        said_columns(&mut sql);
        sql.push(" FROM ");
        AuditTable::of::<E>().write(&mut sql, "");
        sql.push(" WHERE ").ident("id").push(" = ").integer(self.entry).push(" AND ").ident("table_name");
        sql.push(" = ").text_value(audit_table_name(E::META, cx));
        let Some(Said { operation, old, .. }) = said::<DB, E>(wire, sql).await? else {
            return Err(Error::NotFound { entity: super::AuditEntry::META.entity });
        };
        if operation == Operation::Create {
            return Err(Error::Audit(AuditError::Created { entity }));
        }
        let old = old.ok_or(Error::Audit(AuditError::NoValues { entity }))?;
        let old = Values::<E>::parse(&old)?;
        let prepare = Prepare::new(E::META, cx.plugins());

        let marks = E::META.plug.soft_delete.is_some();
        let removed = operation == Operation::Purge || (operation == Operation::Delete && !marks);
        let now = match removed {
            true => None,
            false => current::<DB, E>(wire, cx, &old).await?,
        };
        match now {
            Some(now)
                if is_narrowed(E::META, &cx.plugins())
                    && !is_of_this_life::<DB, E>(wire, cx, &now.id(), self.entry).await? =>
            {
                Err(Error::NotFound { entity })
            }
            Some(now) => put_back::<DB, E>(wire, cx, &prepare, operation, now, &old).await,
            None if removed || operation == Operation::Delete => {
                if is_narrowed(E::META, &cx.plugins()) && is_hidden::<DB, E>(wire, cx, &old).await? {
                    return Err(Error::NotFound { entity });
                }
                create::<DB, E>(wire, cx, &prepare, &old).await
            }
            None => Err(Error::NotFound { entity }),
        }
    }
}

/// Whether there is nothing to create again for the caller: it might not have seen the row, or another one has its key now that
/// it does not see. An INSERT would tell by its errors.
async fn is_hidden<DB: Backend, E: On<DB> + Audited>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    values: &Values<E>,
) -> Result<bool> {
    if !is_seen_as::<DB, E>(wire, cx, values).await? {
        return Ok(true);
    }
    let mut sql = cx.sql::<DB>();
    sql.push("SELECT 1 FROM ").table(E::META);
    values.key(&mut sql)?;
    let is_taken = wire.fetch_optional(sql.finish()?).await?.is_some();
    Ok(is_taken && current::<DB, E>(wire, cx, values).await?.is_none())
}

/// The row as it is, locked, be it marked as deleted.
async fn current<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    values: &Values<E>,
) -> Result<Option<E>> {
    let mut sql = cx.select::<DB, E>();
    values.key(&mut sql)?;
    sql.visible(E::META, Deleted::Shown, " AND ").push(row_lock(DB::DIALECT));
    decode_first(wire, sql.finish()?).await
}

/// The column that takes the time of updates, and the one with the version: nothing puts them back.
fn goes_on(meta: &Meta, prepare: &Prepare<'_>, col: &Col) -> bool {
    version_column(meta) == Some(col.index)
        || prepare.updated_at().is_some_and(|(column, _)| column == col.index)
}

fn version_column(meta: &Meta) -> Option<usize> {
    meta.plug.version.as_ref().map(|version| version.column)
}

/// Changes a row that is there.
async fn put_back<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    prepare: &Prepare<'_>,
    operation: Operation,
    now: E,
    old: &Values<E>,
) -> Result<E> {
    let meta = E::META;
    let is_deleted = is_marked(&now);
    // What is marked as deleted is hidden from updates.
    if is_deleted && operation != Operation::Delete {
        return Err(Error::Deleted { entity: meta.entity });
    }
    let mut assignments = Vec::with_capacity(meta.columns.len());
    for col in meta.columns {
        if meta.id.contains(&col.index) || col.fill == Fill::Database || goes_on(meta, prepare, col) {
            continue;
        }
        // What is not known stays as it is.
        if let Known::Value(json) = old.get(col) {
            assignments.push(Assignment { col, to: To::Logged(meta, json) });
        }
    }
    if let Some((column, now)) = prepare.updated_at() {
        assignments.push(Assignment { col: &meta.columns[column], to: To::Shared(now) });
    }
    assignments.extend(next_version(meta));
    let becomes = match (is_deleted, old.is_deleted()) {
        (true, false) => Operation::Restore,
        (false, true) => Operation::Delete,
        _ => Operation::Update,
    };
    let id = now.id();
    // Whatever it becomes, it is given other values.
    let which = Which::<E>::one(&id).deleted(Deleted::Shown).to(Action::Update);
    let mut changed = change(wire, cx, becomes, &assignments, &which, Answer::Rows).await?;
    changed.rows.pop().ok_or(Error::NotFound { entity: meta.entity })
}

fn is_marked<E: Entity>(row: &E) -> bool {
    let Some(soft_delete) = &E::META.plug.soft_delete else { return false };
    let col = &E::META.columns[soft_delete.column];
    let Some(value) = row.value(col.index) else { return false };
    match soft_delete.mark {
        crate::expr::Mark::Time(_) => !(col.codec.is_null)(value),
        crate::expr::Mark::Flag => value.downcast_ref() == Some(&true),
    }
}

/// A value of a row that is created again.
enum Cell<'v> {
    Json(Cow<'v, str>),
    Value(Value),
}

/// Creates a row again that is gone.
async fn create<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    prepare: &Prepare<'_>,
    old: &Values<E>,
) -> Result<E> {
    let meta = E::META;
    let mut cells: Vec<(&'static Col, Cell<'_>)> = Vec::with_capacity(meta.columns.len());
    for col in meta.columns {
        let is_key = meta.id.contains(&col.index);
        if col.fill == Fill::Database && !is_key {
            continue;
        }
        if let Some((_, now)) = prepare.updated_at().filter(|(column, _)| *column == col.index) {
            cells.push((col, Cell::Value(now)));
            continue;
        }
        let Some(json) = old.needed(col)? else { continue };
        let next = if version_column(meta) == Some(col.index) { json.parse::<i64>().ok() } else { None };
        cells.push((col, Cell::Json(next.map_or(json.into(), |version| (version + 1).to_string().into()))));
    }
    let insert = |sql: &mut Sql<'_>| {
        sql.push("INSERT INTO ").table(meta).push(" (").names(cells.iter().map(|(col, _)| *col)).push(")");
        if DB::DIALECT == Dialect::Postgres {
            // The key may be one that only the database gives.
            sql.push(" OVERRIDING SYSTEM VALUE");
        }
        sql.push(" VALUES (").list(&cells, ", ", |sql, (col, cell)| {
            match cell {
                Cell::Json(json) => sql.logged(meta, col, json),
                Cell::Value(value) => sql.shared(col.codec, value),
            };
        });
        sql.push(")");
    };
    let at_once = meta.plug.audit.as_ref().filter(|audit| logs_at_once(DB::DIALECT, audit));
    let mut sql = cx.sql::<DB>();
    let row: Option<E> = if let Some(audit) = at_once {
        sql.push("WITH ").ident(NEW).push(" AS (");
        insert(&mut sql);
        logged_insert(&mut sql, meta, audit, cx, Answer::Rows);
        decode_first(wire, sql.finish()?).await?
    } else {
        insert(&mut sql);
        if DB::DIALECT.has_returning() {
            sql.push(" RETURNING ").readable_columns(meta, false);
            decode_first(wire, sql.finish()?).await?
        } else {
            wire.execute(sql.finish()?).await?;
            let mut sql = cx.select::<DB, E>();
            old.key(&mut sql)?;
            sql.push(row_lock(DB::DIALECT));
            decode_first(wire, sql.finish()?).await?
        }
    };
    let row = row.ok_or(Error::NotStored { entity: meta.entity })?;
    let rows = std::slice::from_ref(&row);
    if at_once.is_none() {
        log_created::<DB, E>(wire, cx, rows).await?;
    }
    show(wire, cx, Operation::Create, rows).await?;
    // A row that the source may not see does not exist for it, neither now nor then.
    let mut sql = cx.sql::<DB>();
    sql.push("SELECT 1 FROM ").table(meta);
    let id = row.id();
    Which::<E>::one(&id).deleted(Deleted::Shown).write(&mut sql);
    if !meta.has_fixed_scope() && wire.fetch_optional(sql.finish()?).await?.is_none() {
        return Err(Error::NotFound { entity: meta.entity });
    }
    // Nobody but the log has said whose it is.
    let plugins = cx.plugins();
    let mut demands =
        policy_for(meta, &plugins).map(|policy| policy.created(&plugins, false)).unwrap_or_default();
    demands.extend(writes(meta, &plugins, cells.iter().map(|(col, _)| col.index)));
    judge::<DB, E>(wire, cx, Action::Create, &[id], &demands).await?;
    Ok(row)
}
