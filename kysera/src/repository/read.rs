//! Reading rows by their keys.

use std::collections::HashSet;

use super::update::in_order_of;
use crate::backend::Backend;
use crate::entity::{Entity, On};
use crate::error::Result;
use crate::expr::Meta;
use crate::observe::Wire;
use crate::query::decode_all;
use crate::source::{Cx, Op};
use crate::write::{Which, keys_per_statement};

/// The rows with these keys, in their order, those that do not exist left out.
pub(super) struct FindByIds<E: Entity> {
    ids: Vec<E::Id>,
}

impl<E: Entity> FindByIds<E> {
    pub(super) fn new(mut ids: Vec<E::Id>) -> Self {
        let mut seen = HashSet::with_capacity(ids.len());
        ids.retain(|id| seen.insert(id.clone()));
        Self { ids }
    }
}

impl<DB: Backend, E: On<DB>> Op<DB> for FindByIds<E> {
    type Out = Vec<E>;

    fn meta(&self) -> &'static Meta {
        E::META
    }

    async fn run(self, wire: &mut Wire<'_, DB>, cx: Cx<'_>) -> Result<Vec<E>> {
        let mut out = Vec::with_capacity(self.ids.len());
        for ids in self.ids.chunks(keys_per_statement::<E>(DB::DIALECT)) {
            let mut sql = cx.select::<DB, E>();
            Which::<E>::many(ids).write(&mut sql);
            let rows = decode_all(wire, sql.finish()?).await?;
            out.extend(in_order_of::<DB, E>(wire, cx, ids, rows).await?.into_iter().flatten());
        }
        Ok(out)
    }
}
