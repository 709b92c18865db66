//! Deleting rows by their keys.

use super::sql::{key_columns, key_in, rows_per_statement};
use crate::backend::{Backend, Dialect};
use crate::entity::{Entity, On};
use crate::error::Result;
use crate::expr::{Meta, Sql};
use crate::source::{Cx, Op, Unit};

/// `DELETE` of all rows with these keys, all or nothing; answers how many there were.
pub(super) struct DeleteMany<E: Entity> {
    pub(super) ids: Vec<E::Id>,
}

/// How many keys one statement takes.
pub(super) fn keys_per_statement<E: Entity>(dialect: Dialect) -> usize {
    let sql = Sql::new(dialect);
    let arrays = key_columns(E::META).all(|col| sql.has_array(col.codec));
    rows_per_statement(dialect, arrays, E::META.id.len(), 1024)
}

impl<DB: Backend, E: On<DB>> Op<DB> for DeleteMany<E> {
    type Out = u64;

    fn meta(&self) -> &'static Meta {
        E::META
    }

    fn unit(&self) -> Unit {
        if self.ids.len() > keys_per_statement::<E>(DB::DIALECT) { Unit::Atomic } else { Unit::Statement }
    }

    async fn run(self, conn: &mut DB::Connection, cx: Cx<'_>) -> Result<u64> {
        let mut rows = 0;
        for ids in self.ids.chunks(keys_per_statement::<E>(DB::DIALECT)) {
            let mut sql = cx.sql::<DB>();
            sql.push("DELETE FROM ").table(E::META).push(" WHERE ");
            key_in::<E>(&mut sql, ids);
            rows += DB::execute(conn, sql.finish()?).await?.rows;
        }
        Ok(rows)
    }
}
