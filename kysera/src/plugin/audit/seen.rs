//! Which entries a caller may see.

use std::marker::PhantomData;

use super::AuditEntry;
use crate::entity::Entity;
use crate::error::Error;
use crate::expr::{Col, Deleted, Sql, Standing};
use crate::query::RowOf;
use crate::write::{is_narrowed, key_columns};

/// The entries about one row, or about all, that the caller may see: those about rows that it may see as they are now. What is
/// gone for good only a source sees that everything is shown to.
pub(super) struct SeenRow<E: Entity> {
    id: Option<E::Id>,
    entity: PhantomData<fn() -> E>,
}

impl<E: Entity> SeenRow<E> {
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
        true
    }
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

impl<E: Entity> RowOf for SeenRow<E> {
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
