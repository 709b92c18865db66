//! Updates by key that set what plugins set.

use crate::backend::Backend;
use crate::entity::{Draft, Entity, On, Operation, Values};
use crate::error::Result;
use crate::expr::{Action, Meta};
use crate::observe::Wire;
use crate::source::{Cx, Op, Unit};
use crate::write::{
    Answer, Assignment, Which, change, keys_per_statement, next_version, of_values, unit_of_change,
    unit_of_several,
};

/// One row, answered as stored; `None` if there is no such row.
pub(crate) struct Touch<E: Entity, V> {
    pub(crate) id: E::Id,
    pub(crate) values: Draft<V>,
}

impl<DB: Backend, E: On<DB>, V: Values> Op<DB> for Touch<E, V> {
    type Out = Option<E>;

    fn meta(&self) -> &'static Meta {
        E::META
    }

    fn unit(&self, cx: Cx<'_>) -> Unit {
        unit_of_change::<E>(DB::DIALECT, cx, Answer::Rows, Action::Update)
    }

    async fn run(self, wire: &mut Wire<'_, DB>, cx: Cx<'_>) -> Result<Option<E>> {
        let which = Which::<E>::one(&self.id);
        let assignments = assignments::<E>(&self.values);
        let changed = change(wire, cx, Operation::Update, &assignments, &which, Answer::Rows).await?;
        Ok(changed.rows.into_iter().next())
    }
}

/// Many rows, all or nothing; answers how many there were.
pub(crate) struct TouchMany<E: Entity, V> {
    pub(crate) ids: Vec<E::Id>,
    pub(crate) values: Draft<V>,
}

impl<DB: Backend, E: On<DB>, V: Values> Op<DB> for TouchMany<E, V> {
    type Out = u64;

    fn meta(&self) -> &'static Meta {
        E::META
    }

    fn unit(&self, _: Cx<'_>) -> Unit {
        if self.ids.len() > per_statement::<DB, E>() {
            Unit::Atomic
        } else {
            unit_of_several::<E>(DB::DIALECT, Answer::Count)
        }
    }

    async fn run(self, wire: &mut Wire<'_, DB>, cx: Cx<'_>) -> Result<u64> {
        let mut count = 0;
        for ids in self.ids.chunks(per_statement::<DB, E>()) {
            let which = Which::<E>::many(ids);
            let assignments = assignments::<E>(&self.values);
            count += change(wire, cx, Operation::Update, &assignments, &which, Answer::Count).await?.count;
        }
        Ok(count)
    }
}

fn per_statement<DB: Backend, E: Entity>() -> usize {
    keys_per_statement::<E>(DB::DIALECT)
}

fn assignments<E: Entity>(values: &dyn Values) -> Vec<Assignment<'_>> {
    of_values(E::META, values).chain(next_version(E::META)).collect()
}
