//! Deleting rows by their keys, restoring and purging them.

use crate::backend::Backend;
use crate::entity::{Entity, On};
use crate::error::{Error, Result};
use crate::expr::{Deleted, Meta};
use crate::observe::Wire;
use crate::query::Exists;
use crate::source::{Cx, Op, Unit};
use crate::write::{Answer, Fate, Which, is_unguarded, keys_per_statement, meet, unit_of};

/// The fate of all rows with these keys, all or nothing; answers how many there were.
pub(crate) struct ByKeys<E: Entity> {
    pub(crate) ids: Vec<E::Id>,
    pub(crate) fate: Fate,
}

impl<DB: Backend, E: On<DB>> Op<DB> for ByKeys<E> {
    type Out = u64;

    fn meta(&self) -> &'static Meta {
        E::META
    }

    fn unit(&self, cx: Cx<'_>) -> Unit {
        let several = self.ids.len() > 1 && !is_unguarded(E::META);
        if several || self.ids.len() > keys_per_statement::<E>(DB::DIALECT) {
            Unit::Atomic
        } else {
            self.fate.unit::<E>(DB::DIALECT, cx)
        }
    }

    async fn run(self, wire: &mut Wire<'_, DB>, cx: Cx<'_>) -> Result<u64> {
        let mut rows = 0;
        for ids in self.ids.chunks(keys_per_statement::<E>(DB::DIALECT)) {
            let which = match ids {
                [id] => Which::<E>::one(id),
                ids => Which::many(ids),
            };
            rows += meet::<DB, E>(wire, cx, &which, self.fate, Answer::Count).await?.count;
        }
        Ok(rows)
    }
}

/// One row that is restored and answered.
pub(crate) struct Restore<E: Entity> {
    pub(crate) id: E::Id,
}

impl<DB: Backend, E: On<DB>> Op<DB> for Restore<E> {
    type Out = E;

    fn meta(&self) -> &'static Meta {
        E::META
    }

    fn unit(&self, cx: Cx<'_>) -> Unit {
        match Fate::Restore.unit::<E>(DB::DIALECT, cx) {
            Unit::Statement => unit_of::<E>(DB::DIALECT, Answer::Rows),
            unit => unit,
        }
    }

    async fn run(self, wire: &mut Wire<'_, DB>, cx: Cx<'_>) -> Result<E> {
        let entity = E::META.entity;
        let which = Which::<E>::one(&self.id);
        let mut restored = meet::<DB, E>(wire, cx, &which, Fate::Restore, Answer::Rows).await?;
        if let Some(row) = restored.rows.pop() {
            return Ok(row);
        }
        // It was not deleted a moment ago, whatever it is now.
        let mut sql = cx.sql::<DB>();
        sql.push("SELECT 1 FROM ").table(E::META);
        which.deleted(Deleted::Shown).write(&mut sql);
        let is_there = Exists::<DB> { meta: E::META, statement: sql.finish()? }.run(wire, cx).await?;
        Err(if is_there { Error::NotDeleted { entity } } else { Error::NotFound { entity } })
    }
}
