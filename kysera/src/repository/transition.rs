//! Changing a row's state if it is in the state that is expected.

use super::sql::{bind, columns, find_locked_text, given, key_columns, returning, unit_of_one_row};
use crate::backend::Backend;
use crate::entity::{Entity, Mask, On, Values};
use crate::error::Result;
use crate::expr::{Col, Meta, Value};
use crate::query::{decode_first, refuse_fixed, set_twice};
use crate::source::{Cx, Op, Unit};

/// `UPDATE` of one row, answered as stored; `None` unless it is there and in the state `from`.
pub(super) struct Transition<E: Entity> {
    id: E::Id,
    state: &'static Col,
    from: Value,
    to: Value,
    patch: E::Patch,
}

impl<E: Entity> Transition<E> {
    /// Refuses a state that no update may set, and a patch that sets it as well.
    pub(super) fn new(
        id: E::Id,
        state: &'static Col,
        from: Value,
        to: Value,
        patch: E::Patch,
    ) -> Result<Self> {
        refuse_fixed(E::META, state)?;
        if patch.value(state.index).is_some() {
            return Err(set_twice(E::META, state));
        }
        Ok(Self { id, state, from, to, patch })
    }
}

impl<DB: Backend, E: On<DB>> Op<DB> for Transition<E> {
    type Out = Option<E>;

    fn meta(&self) -> &'static Meta {
        E::META
    }

    fn unit(&self) -> Unit {
        unit_of_one_row(DB::DIALECT)
    }

    async fn run(self, conn: &mut DB::Connection, cx: Cx<'_>) -> Result<Option<E>> {
        let Self { id, state, from, to, patch } = &self;
        let mut sql = cx.sql::<DB>();
        sql.push("UPDATE ")
            .table(E::META)
            .push(" SET ")
            .ident(state.name)
            .push(" = ")
            .value(state.codec, &**to);
        for col in columns(E::META, given(E::META, patch)) {
            if let Some(value) = patch.value(col.index) {
                sql.push(", ").ident(col.name).push(" = ").value(col.codec, value);
            }
        }
        sql.push(" WHERE ");
        for (part, col) in key_columns(E::META).enumerate() {
            sql.ident(col.name).push(" = ").value(col.codec, E::id_value(id, part)).push(" AND ");
        }
        sql.ident(state.name);
        if (state.codec.is_null)(&**from) {
            sql.push(" IS NULL");
        } else {
            sql.push(" = ").value(state.codec, &**from);
        }
        returning(&mut sql, E::META);
        let statement = sql.finish()?;
        if DB::DIALECT.has_returning() {
            return decode_first(conn, statement).await;
        }
        // Rows that were found, whether or not that changed them.
        if DB::execute(conn, statement).await?.rows == 0 {
            return Ok(None);
        }
        let sql = find_locked_text::<DB, E>(cx);
        decode_first(conn, bind::<DB, E>(sql, Mask::default(), None, Some(id))?).await
    }
}
