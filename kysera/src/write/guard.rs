//! What the policy of an entity demands of a write, and why one was refused.

use std::borrow::Cow;

use futures_util::TryStreamExt;

use super::keys::{key_columns, key_in, keys_per_statement};
use super::log::{row_lock, take_turn};
use super::set::{Assignment, To};
use super::which::{Keys, Which};
use crate::backend::{Backend, Dialect};
use crate::entity::{Entity, Mask, Values};
use crate::error::{Error, Result};
use crate::expr::{Action, Becomes, Col, Demand, Meta, Node, PluginContext, PolicyMeta, Sql, Standing, Term};
use crate::observe::Wire;
use crate::source::Cx;

/// The policy of an entity, if it concerns whoever asks. Whom it does not know is refused when a statement is written.
pub(crate) fn policy_for(meta: &Meta, cx: &PluginContext<'_>) -> Option<&'static PolicyMeta> {
    meta.policy.filter(|policy| (policy.standing)(cx) == Standing::Known)
}

/// Whether rows of the entity are written as anyone likes who may see them.
pub(crate) fn is_unguarded(meta: &Meta) -> bool {
    meta.policy.is_none() && meta.columns.iter().all(|col| col.guard.is_none())
}

/// What has to hold for new rows that give these columns.
pub(crate) fn created<E: Entity>(
    cx: &PluginContext<'_>,
    mask: Mask,
    new: Option<&dyn Values>,
) -> Vec<Demand> {
    let meta = E::META;
    let mut demands = match policy_for(meta, cx) {
        // The column of the tenant has been written by the plugin, unless one of the user's has changed that.
        Some(policy) => policy.created(cx, !E::CUSTOM.any),
        None => Vec::new(),
    };
    let is_given = |column: usize| match new.map(|new| new.value(column)) {
        // Without a value there is nothing that might not be written.
        Some(value) => value.is_some_and(|value| !(meta.columns[column].codec.is_null)(value)),
        None => mask.contains(column),
    };
    let guarded = meta.columns.iter().filter(|col| col.guard.is_some() && is_given(col.index));
    demands.extend(guarded.filter_map(|col| col.guard?.writes(col.name, cx)));
    demands
}

/// Whether that can only be told of stored rows: it reads a column that the rows leave to the database.
pub(crate) fn is_late(meta: &Meta, demands: &[Demand], mask: Mask) -> bool {
    let absent = |column: &usize| !mask.contains(*column);
    !demands.is_empty()
        && (mask == Mask::default()
            || (0..meta.columns.len())
                .filter(absent)
                .any(|column| demands.iter().any(|demand| demand.reads(column))))
}

/// What has to hold for rows as they are so that these columns of theirs may be written.
pub(crate) fn writes(
    meta: &Meta,
    cx: &PluginContext<'_>,
    columns: impl Iterator<Item = usize>,
) -> Vec<Demand> {
    let cols = columns.filter_map(|column| meta.columns.get(column));
    cols.filter_map(|col| col.guard?.writes(col.name, cx)).collect()
}

/// What has to hold for rows as an update of these columns makes them.
pub(crate) fn becomes(meta: &Meta, cx: &PluginContext<'_>, columns: &[usize]) -> Vec<Demand> {
    let Some(policy) = policy_for(meta, cx) else { return Vec::new() };
    policy.updated(&|node: &Node| columns.iter().any(|column| node.reads(*column)), cx)
}

/// Writes what has to hold for the row that assignments make of the one at hand.
pub(crate) fn write_becoming<'a>(
    sql: &mut Sql<'a>,
    meta: &'static Meta,
    assigns: &'a [Assignment<'a>],
    demands: &[Demand],
    glue: &str,
) {
    let mut given = Vec::new();
    let mut becomes = Vec::new();
    for assign in assigns.iter().filter(|assign| demands.iter().any(|demand| demand.reads(assign.col.index)))
    {
        let to = match &assign.to {
            To::Term(term) => Becomes::Term((*term).clone()),
            To::Next => Becomes::Next,
            To::IfReadable(guard, _) => {
                given.push(assign);
                Becomes::IfReadable(guard)
            }
            _ => {
                given.push(assign);
                Becomes::Given
            }
        };
        becomes.push((assign.col.index, to));
    }
    sql.push(glue);
    if given.is_empty() {
        sql.becoming(becomes, |sql| {
            sql.demands(meta, demands, "");
        });
        return;
    }
    // As columns of the table, so that they compare as the column does, by its type and collation.
    let cols: Vec<_> = given.iter().map(|assign| assign.col).collect();
    sql.push("EXISTS (SELECT 1 FROM ").typed_values(meta, &cols, |sql, at| {
        if let Some(assign) = given.get(at) {
            assign.write_given(sql);
        }
    });
    sql.push(" WHERE ").becoming(becomes, |sql| {
        sql.demands(meta, demands, "");
    });
    sql.push(")");
}

/// What a column becomes that an upsert updates.
pub(crate) fn in_upsert(assign: &Assignment<'_>) -> Becomes {
    let flag = |flag: bool| Term::Value(crate::__private::codec!(bool), std::sync::Arc::new(flag));
    match &assign.to {
        To::Next => Becomes::Next,
        To::Term(term) => Becomes::Term((*term).clone()),
        To::Null => Becomes::Term(Term::Null),
        To::True => Becomes::Term(flag(true)),
        To::False => Becomes::Term(flag(false)),
        _ => Becomes::Excluded,
    }
}

/// Whether rows have to be locked before the rules are asked about them. A statement that waits for a row sees what has become of
/// it, but not what has become meanwhile of other tables, unless their rows are locked as well.
pub(crate) fn locks_first<E: Entity>(dialect: Dialect, cx: Cx<'_>, action: Action) -> bool {
    let plugins = cx.plugins();
    dialect != Dialect::Sqlite
        && action != Action::Read
        && policy_for(E::META, &plugins).is_some_and(|policy| policy.asks_without_locks(action, &plugins))
}

/// Locks rows, where that is needed; the next statement sees all tables as they are then.
pub(crate) async fn lock_first<DB: Backend, E: Entity>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    which: &Which<'_, E>,
) -> Result<()> {
    if !locks_first::<E>(DB::DIALECT, cx, which.action) {
        return Ok(());
    }
    take_turn::<DB>(wire, cx, E::META).await?;
    let seen = Which { action: Action::Read, assigns: &[], ..which.clone() };
    let mut sql = cx.sql::<DB>();
    sql.push("SELECT ").names(key_columns(E::META)).push(" FROM ").table(E::META);
    seen.write(&mut sql);
    if !which.is_one() {
        sql.push(" ORDER BY ").names(key_columns(E::META));
    }
    sql.push(row_lock(DB::DIALECT));
    let mut rows = wire.fetch(sql.finish()?);
    while rows.try_next().await?.is_some() {}
    Ok(())
}

/// The error, and an event for whoever watches: it says what was refused, and nothing of the row.
pub(crate) fn denied(
    meta: &Meta,
    action: Action,
    rule: Option<Cow<'static, str>>,
    column: Option<&'static str>,
) -> Error {
    tracing::event!(
        target: "kysera::rls",
        tracing::Level::WARN,
        entity = meta.entity,
        action = action.as_str(),
        rule = rule.as_deref(),
        column,
        "denied"
    );
    Error::Denied { entity: meta.entity, action, rule, column }
}

fn denied_by(meta: &Meta, action: Action, demand: &Demand) -> Error {
    denied(meta, action, demand.rule.clone(), demand.column)
}

/// Why a write has left out rows that the caller may read, if that is a rule. Asked afterwards, and only where fewer were written
/// than were named.
pub(crate) async fn refusal<DB: Backend, E: Entity>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    which: &Which<'_, E>,
) -> Result<Option<Error>> {
    let (meta, plugins) = (E::META, cx.plugins());
    if is_unguarded(meta) || which.action == Action::Read || matches!(which.keys, Keys::Any | Keys::Among(..))
    {
        return Ok(None);
    }
    let mut before = match policy_for(meta, &plugins) {
        Some(policy) => policy.before(&[which.action], &plugins),
        None => Vec::new(),
    };
    before.extend(writes(meta, &plugins, which.assigned()));
    let after = if which.is_one() { which.becomes(&plugins) } else { Vec::new() };
    if before.is_empty() && after.is_empty() {
        return Ok(None);
    }
    let read = Which { action: Action::Read, assigns: &[], ..which.clone() };
    let mut sql = cx.sql::<DB>();
    let demands: Vec<&Demand> = before.iter().chain(&after).collect();
    sql.push("SELECT ").list(demands.iter().enumerate(), ", ", |sql, (at, demand)| {
        flag(sql, |sql| {
            if at < before.len() {
                sql.demand(meta, demand);
            } else {
                write_becoming(sql, meta, which.assigns, std::slice::from_ref(*demand), "");
            }
        });
    });
    sql.push(" FROM ").table(meta);
    read.write(&mut sql);
    let mut rows = wire.fetch(sql.finish()?);
    while let Some(row) = rows.try_next().await? {
        for (at, demand) in demands.iter().enumerate() {
            if DB::integer(&row, at)? != 0 {
                return Ok(Some(denied_by(meta, which.action, demand)));
            }
        }
    }
    Ok(None)
}

/// 0 where a condition holds, otherwise 1.
fn flag<'a>(sql: &mut Sql<'a>, condition: impl FnOnce(&mut Sql<'a>)) {
    sql.push("CASE WHEN ");
    condition(sql);
    sql.push(match sql.dialect() {
        Dialect::Postgres => " THEN 0::bigint ELSE 1::bigint END",
        _ => " THEN 0 ELSE 1 END",
    });
}

/// Judges rows that were just written as they are stored, within the transaction that has written them.
pub(crate) async fn judge<DB: Backend, E: Entity>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    action: Action,
    ids: &[E::Id],
    demands: &[Demand],
) -> Result<()> {
    if demands.is_empty() {
        return Ok(());
    }
    let meta = E::META;
    for ids in ids.chunks(keys_per_statement::<E>(DB::DIALECT).div_ceil(2)) {
        let mut sql = cx.sql::<DB>();
        sql.push("SELECT ").list(demands, ", ", |sql, demand| {
            flag(sql, |sql| {
                sql.demand(meta, demand);
            });
        });
        sql.push(" FROM ").table(meta).push(" WHERE ");
        key_in::<E>(&mut sql, ids);
        sql.push(" AND ");
        flag(&mut sql, |sql| {
            sql.locking(|sql| {
                sql.demands(meta, demands, "");
            });
        });
        sql.push(" = 1 LIMIT 1");
        let Some(row) = wire.fetch_optional(sql.finish()?).await? else { continue };
        for (at, demand) in demands.iter().enumerate() {
            if DB::integer(&row, at)? != 0 {
                return Err(denied_by(meta, action, demand));
            }
        }
        return Err(denied(meta, action, None, None));
    }
    Ok(())
}

/// Why a new row was not inserted, if that is a rule.
pub(crate) async fn create_refusal<DB: Backend, E: Entity>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    mask: Mask,
    new: &dyn Values,
    demands: &[Demand],
) -> Result<Option<Error>> {
    let meta = E::META;
    if demands.is_empty() {
        return Ok(None);
    }
    // Those that are judged: others may have types that only an assignment converts.
    let is_judged = |col: &&'static Col| demands.iter().any(|demand| demand.reads(col.index));
    let cols: Vec<_> = meta.columns.iter().filter(is_judged).collect();
    let mut sql = cx.sql::<DB>();
    sql.push("SELECT ").about_table(crate::expr::VALUES, |sql| {
        sql.list(demands, ", ", |sql, demand| {
            flag(sql, |sql| {
                sql.demand(meta, demand);
            });
        });
    });
    if !cols.is_empty() {
        sql.push(" FROM ");
        sql.typed_values(meta, &cols, |sql, at| {
            // What is left to the database counts as NULL.
            match cols
                .get(at)
                .and_then(|col| Some((col, new.value(col.index).filter(|_| mask.contains(col.index))?)))
            {
                Some((col, value)) => sql.value(col.codec, value),
                None => sql.push("NULL"),
            };
        });
    }
    let Some(row) = wire.fetch_optional(sql.finish()?).await? else { return Ok(None) };
    for (at, demand) in demands.iter().enumerate() {
        if DB::integer(&row, at)? != 0 {
            return Ok(Some(denied_by(meta, Action::Create, demand)));
        }
    }
    Ok(None)
}

/// Writes, behind other conditions, what has to hold so that a row like the one at hand may be created.
pub(crate) fn judge_alike<E: Entity>(sql: &mut Sql<'_>, cx: &PluginContext<'_>) {
    if let Some(policy) = policy_for(E::META, cx) {
        sql.demands(E::META, &policy.created(cx, false), " AND ");
    }
}
