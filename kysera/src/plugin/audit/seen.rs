//! Which entries a caller may see.

use std::marker::PhantomData;

use super::{AuditEntry, AuditTable};
use crate::entity::{Audited, Entity};
use crate::error::Error;
use crate::expr::{Col, Column, Deleted, Meta, PluginContext, Scope, Sql, Standing};
use crate::query::RowOf;
use crate::write::{key_columns, policy_for};

/// The entries about one row, or about all, that the caller may see: those about rows that it may see as they are now. What is
/// gone for good only a source sees that everything is shown to.
pub(super) struct SeenRow<E: Entity> {
    id: Option<E::Id>,
    entity: PhantomData<fn() -> E>,
}

impl<E: Entity + Audited> SeenRow<E> {
    pub(super) fn new(id: Option<E::Id>) -> Self {
        Self { id, entity: PhantomData }
    }

    /// Writes what has to hold of the row, or of the entry at hand; answers whether that is anything.
    pub(super) fn narrow<'q>(sql: &mut Sql<'q>, id: Option<&'q E::Id>) -> bool {
        let (meta, cx) = (E::META, sql.cx());
        if !is_narrowed(meta, &cx) {
            return false;
        }
        refuse_shown::<E>(sql);
        match id {
            Some(id) => {
                sql.push("EXISTS ").nested(|sql| {
                    sql.push("SELECT 1 FROM ").table(meta).push(" WHERE ");
                    sql.list(key_columns(meta).enumerate(), " AND ", |sql, (part, col)| {
                        sql.column(col).push(" = ").value(col.codec, E::id_value(id, part));
                    });
                    sql.visible(meta, Deleted::Shown, " AND ");
                });
            }
            None => {
                sql.column(AuditEntry::ENTITY_ID.col()).push(" IN ").nested(|sql| {
                    sql.push("SELECT ").key_text(meta, |sql, _, col| {
                        sql.column(col);
                    });
                    sql.push(" FROM ").table(meta).visible(meta, Deleted::Shown, " WHERE ");
                });
            }
        }
        sql.push(" AND ").column(AuditEntry::ID.col()).push(" >= ");
        first_of_life::<E>(sql, |sql| {
            let life = |sql: &mut Sql<'q>, column: Column<AuditEntry, String>| {
                sql.ident(LIFE).push(".").ident(column.col().name).push(" = ").column(column.col());
            };
            life(sql, AuditEntry::TABLE_NAME);
            sql.push(" AND ");
            life(sql, AuditEntry::ENTITY_ID);
        });
        true
    }
}

/// What the log is called where it is asked for the beginning of a row.
pub(super) const LIFE: &str = "kysera_life";

/// Writes the number of the first entry about a row since there is one with its key: another row may have had the key before, and
/// whoever may see this one was perhaps not to see that.
pub(super) fn first_of_life<'q, E: Entity + Audited>(sql: &mut Sql<'q>, about: impl FnOnce(&mut Sql<'q>)) {
    let ends = if E::META.plug.soft_delete.is_some() { "'purge'" } else { "'purge', 'delete'" };
    let (id, operation) = (AuditEntry::ID.col().name, AuditEntry::OPERATION.col().name);
    sql.push("COALESCE((SELECT MAX(CASE WHEN ").ident(operation).push(" = 'create' THEN ").ident(id);
    sql.push(" ELSE ").ident(id).push(" + 1 END) FROM ");
    AuditTable::of::<E>().write(sql, "");
    sql.push(" AS ").ident(LIFE).push(" WHERE ");
    about(sql);
    sql.push(" AND ").ident(operation).push(" IN ('create', ").push(ends).push(")), 0)");
}

/// Whether rows can be hidden from whoever asks.
pub(super) fn is_narrowed(meta: &Meta, cx: &PluginContext<'_>) -> bool {
    let hides = |col: &Col| {
        col.guard.is_some_and(|guard| guard.read.is_some() && (guard.standing)(cx) != Standing::System)
    };
    policy_for(meta, cx).is_some()
        || meta.scope.is_some_and(|scope| !matches!(scope(cx), Scope::Open))
        || meta.columns.iter().any(hides)
}

/// Refuses to show values that the caller may not read.
pub(super) fn refuse_shown<E: Entity>(sql: &mut Sql<'_>) {
    let meta = E::META;
    let is_sensitive =
        |column: &usize| meta.plug.audit.as_ref().is_some_and(|audit| audit.sensitive.contains(column));
    let cx = sql.cx();
    let is_hidden = |col: &&Col| {
        col.guard.is_some_and(|guard| guard.read.is_some() && (guard.standing)(&cx) != Standing::System)
    };
    if let Some(col) = meta.columns.iter().find(|col| is_hidden(col) && !is_sensitive(&col.index)) {
        let text = format!(
            "the log of {} shows `{}`, which not everyone may read: read it with `unrestricted(..)`, or mark the field \
             `#[kysera(sensitive)]`",
            meta.entity, col.name
        );
        sql.refuse(Error::BadRequest(text.into()));
    }
}

impl<E: Entity + Audited> RowOf for SeenRow<E> {
    fn write<'q>(&'q self, sql: &mut Sql<'q>) {
        let Some(id) = &self.id else {
            if !Self::narrow(sql, None) {
                sql.push("TRUE");
            }
            return;
        };
        sql.column(AuditEntry::ENTITY_ID.col()).push(" = ").key_text(E::META, |sql, part, col| {
            sql.value(col.codec, E::id_value(id, part));
        });
        if is_narrowed(E::META, &sql.cx()) {
            sql.push(" AND ");
            Self::narrow(sql, Some(id));
        }
    }
}
