//! Changing a row's state if it is in the state that is expected.

use crate::backend::Backend;
use crate::entity::{Draft, Entity, On, Operation, Values};
use crate::error::Result;
use crate::expr::{Action, Col, Meta, Value};
use crate::observe::Wire;
use crate::source::{Cx, Op, Unit};
use crate::write::{
    Answer, Assignment, Prepare, To, Which, change, next_version, of_values, refuse_fixed, set_twice,
    unit_of_change,
};

/// `UPDATE` of one row, answered as stored; `None` unless it is there and in the state `from`.
pub(super) struct Transition<E: Entity> {
    id: E::Id,
    state: &'static Col,
    from: Value,
    to: Value,
    patch: Draft<E::Patch>,
}

impl<E: Entity> Transition<E> {
    /// Refuses a state that no update may set, and a patch that sets it as well.
    pub(super) fn new(
        id: E::Id,
        state: &'static Col,
        from: Value,
        to: Value,
        patch: E::Patch,
        prepare: &Prepare<'_>,
    ) -> Result<Self> {
        refuse_fixed(E::META, state)?;
        if patch.value(state.index).is_some() {
            return Err(set_twice(E::META, state));
        }
        let patch = prepare.update::<E, _>(patch, vec![(state.index, Some(to.clone()))])?;
        Ok(Self { id, state, from, to, patch })
    }
}

impl<DB: Backend, E: On<DB>> Op<DB> for Transition<E> {
    type Out = Option<E>;

    fn meta(&self) -> &'static Meta {
        E::META
    }

    fn unit(&self, cx: Cx<'_>) -> Unit {
        unit_of_change::<E>(DB::DIALECT, cx, Answer::Rows, Action::Update)
    }

    async fn run(self, wire: &mut Wire<'_, DB>, cx: Cx<'_>) -> Result<Option<E>> {
        let Self { id, state, from, to, patch } = &self;
        let mut assignments = Vec::new();
        // What a plugin makes of the state wins.
        if patch.value(state.index).is_none() {
            assignments.push(Assignment { col: state, to: To::Value(&**to) });
        }
        assignments.extend(of_values(E::META, patch));
        assignments.extend(next_version(E::META));
        let mut which = Which::<E>::one(id);
        which.is = Some((state, &**from));
        let changed = change(wire, cx, Operation::Update, &assignments, &which, Answer::Rows).await?;
        Ok(changed.rows.into_iter().next())
    }
}
