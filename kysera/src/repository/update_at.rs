//! Updating a row if it has the version that was read.

use super::sql::find_statement;
use super::update::NewPatch;
use crate::backend::{Backend, Dialect};
use crate::entity::{Cells, Draft, Entity, On, Operation, Patch};
use crate::error::{Error, Result};
use crate::expr::{Action, Col, Meta, Value};
use crate::observe::Wire;
use crate::query::decode_first;
use crate::source::{Cx, Op, Unit};
use crate::write::{
    Answer, Assignment, NEW, OLD, Prepare, Sides, Which, change, from_old, key_columns, lock_first,
    lock_in_order, log_query, logs_at_once, next_version, of_read_values, of_values, readers_first, refusal,
    row_lock, show, unit_of_change,
};

/// `UPDATE` of one row with a certain version, answered as stored.
pub(crate) struct UpdateAt<E: Entity> {
    id: E::Id,
    version: Value,
    /// `None` if it changes nothing.
    patch: Option<NewPatch<E>>,
    /// Whether it is a row as the caller has read it, with masks in the place of what it could not read.
    read: bool,
}

impl<E: Entity> UpdateAt<E> {
    pub(crate) fn new(id: E::Id, version: Value, patch: E::Patch, prepare: &Prepare<'_>) -> Result<Self> {
        let patch: Option<Draft<E::Patch>> = match patch.is_empty() {
            true => None,
            false => Some(prepare.update::<E, _>(patch, Vec::new())?),
        };
        Ok(Self { id, version, patch, read: false })
    }

    /// The same for a whole row that was read.
    pub(crate) fn read(self) -> Self {
        Self { read: true, ..self }
    }

    /// The column with the version.
    fn col() -> Option<&'static Col> {
        E::META.plug.version.as_ref().and_then(|version| E::META.columns.get(version.column))
    }
}

impl<DB: Backend, E: On<DB>> Op<DB> for UpdateAt<E> {
    type Out = E;

    fn meta(&self) -> &'static Meta {
        E::META
    }

    fn unit(&self, cx: Cx<'_>) -> Unit {
        unit_of_change::<E>(DB::DIALECT, cx, Answer::Rows, Action::Update)
    }

    async fn run(self, wire: &mut Wire<'_, DB>, cx: Cx<'_>) -> Result<E> {
        let (stale, not_found) =
            (Error::Stale { entity: E::META.entity }, Error::NotFound { entity: E::META.entity });
        let Some(col) = Self::col() else { return Err(not_found) };
        let Some(patch) = &self.patch else {
            let row: Option<E> = decode_first(wire, find_statement::<DB, E>(cx, &self.id)?).await?;
            let row = row.ok_or(not_found)?;
            return if self.has_version(&row, col) { Ok(row) } else { Err(stale) };
        };
        let mut assignments: Vec<_> = match self.read {
            true => of_read_values(E::META, patch, &cx.plugins()).collect(),
            false => of_values(E::META, patch).collect(),
        };
        if self.read && DB::DIALECT == Dialect::MySql {
            // It assigns one column after the other.
            assignments = readers_first(assignments)?;
        }
        assignments.extend(next_version(E::META));
        let at_once = DB::DIALECT == Dialect::Postgres
            && E::META.plug.audit.as_ref().is_none_or(|audit| logs_at_once(DB::DIALECT, audit));
        if at_once {
            return self.at_once::<DB>(wire, cx, col, &assignments).await;
        }
        let mut which = Which::<E>::one(&self.id);
        which.is = Some((col, &*self.version));
        let changed = change(wire, cx, Operation::Update, &assignments, &which, Answer::Rows).await?;
        if let Some(row) = changed.rows.into_iter().next() {
            return Ok(row);
        }
        // In a transaction that has read before, a plain read may show an old version.
        let mut sql = cx.select::<DB, E>();
        Which::<E>::one(&self.id).write(&mut sql);
        sql.push(row_lock(DB::DIALECT));
        let row: Option<E> = decode_first(wire, sql.finish()?).await?;
        Err(if row.is_some() { stale } else { not_found })
    }
}

impl<E: Entity> UpdateAt<E> {
    fn has_version(&self, row: &E, col: &'static Col) -> bool {
        row.value(col.index).is_some_and(|value| crate::expr::same_value(col.codec, value, &*self.version))
    }

    /// PostgreSQL: the row is locked whatever its version, changed if it has the right one, and the answer tells both.
    async fn at_once<DB: Backend>(
        &self,
        wire: &mut Wire<'_, DB>,
        cx: Cx<'_>,
        col: &'static Col,
        assignments: &[Assignment<'_>],
    ) -> Result<E>
    where
        E: On<DB>,
    {
        let meta = E::META;
        let mut sql = cx.sql::<DB>();
        let which = Which::<E>::one(&self.id).to(Action::Update).assigning(assignments);
        lock_first::<DB, E>(wire, cx, &which).await?;
        lock_in_order(&mut sql, &which, meta.columns);
        sql.push(", ").ident(NEW).push(" AS (UPDATE ").table(meta).push(" SET ");
        crate::write::write_assignments(&mut sql, assignments);
        from_old(&mut sql, meta);
        sql.push(" AND ").ident(OLD).push(".").ident(col.name).push(" = ").shared(col.codec, &self.version);
        sql.push(" RETURNING ").list(meta.columns, ", ", |sql, col| {
            sql.column(col);
        });
        sql.push(")");
        if let Some(audit) = &meta.plug.audit {
            log_query(&mut sql, meta, audit, cx, Operation::Update, Sides::Both);
        }
        // One row, if there is one: whether it was changed, and what it is now.
        let key = key_columns(meta).next().map(|col| col.name).unwrap_or_default();
        sql.push(" SELECT CASE WHEN ")
            .ident(NEW)
            .push(".")
            .ident(key)
            .push(" IS NULL THEN 0::bigint ELSE 1::bigint END");
        sql.about_table(NEW, |sql| {
            sql.push(", ").readable_columns(meta, true);
        });
        sql.push(" FROM ").ident(OLD).push(" LEFT JOIN ").ident(NEW).push(" ON TRUE");
        let Some(row) = wire.fetch_optional(sql.finish()?).await? else {
            let refused = refusal::<DB, E>(wire, cx, &which).await?;
            return Err(refused.unwrap_or(Error::NotFound { entity: meta.entity }));
        };
        if DB::integer(&row, 0)? == 0 {
            return Err(Error::Stale { entity: meta.entity });
        }
        let row = E::decode(&mut Cells::new(&row, meta, 1, true))?;
        show(wire, cx, Operation::Update, std::slice::from_ref(&row)).await?;
        Ok(row)
    }
}
