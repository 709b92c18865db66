//! What becomes of rows: they are marked as deleted or removed, restored, purged.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_core::future::BoxFuture;

use super::change::{Answer, Changed, change, decode, remove, unit_of_change};
use super::guard::is_unguarded;
use super::log::row_lock;
use super::prepare::Prepare;
use super::set::{Assignment, To, next_version};
use super::which::{Keys, Which};
use crate::backend::{Backend, Dialect};
use crate::entity::{Entity, On, Operation};
use crate::error::Result;
use crate::expr::{Action, Col, Deleted, Mark, Meta, Node, Rel, same_value};
use crate::observe::Wire;
use crate::source::{Cx, Op, Unit};

/// What becomes of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// They are marked as deleted, or removed where there is no mark.
    Delete,
    /// They are live again.
    Restore,
    /// They are removed.
    Purge,
}

impl Fate {
    fn operation(self, meta: &Meta) -> Operation {
        match self {
            Self::Restore => Operation::Restore,
            Self::Purge if meta.plug.soft_delete.is_some() => Operation::Purge,
            Self::Delete | Self::Purge => Operation::Delete,
        }
    }

    pub(crate) fn unit<E: Entity>(self, dialect: Dialect, cx: Cx<'_>) -> Unit {
        let cascades = E::META.plug.soft_delete.as_ref().is_some_and(|soft_delete| soft_delete.cascade);
        if cascades && self != Self::Purge {
            return Unit::Atomic;
        }
        let action = if self == Self::Restore { Action::Update } else { Action::Delete };
        unit_of_change::<E>(dialect, cx, Answer::Count, action)
    }
}

/// The fate of all rows that filters keep.
pub(crate) struct ByFilters<E> {
    pub(crate) filters: Vec<Node>,
    pub(crate) deleted: Deleted,
    pub(crate) fate: Fate,
    pub(crate) entity: std::marker::PhantomData<fn() -> E>,
}

impl<DB: Backend, E: On<DB>> Op<DB> for ByFilters<E> {
    type Out = u64;

    fn meta(&self) -> &'static Meta {
        E::META
    }

    fn unit(&self, cx: Cx<'_>) -> Unit {
        // What rows become that are restored is judged once they are stored, and may have to be undone.
        if self.fate == Fate::Restore && !is_unguarded(E::META) {
            return Unit::Atomic;
        }
        self.fate.unit::<E>(DB::DIALECT, cx)
    }

    async fn run(self, wire: &mut Wire<'_, DB>, cx: Cx<'_>) -> Result<u64> {
        let which = Which::<E>::filtered(self.deleted, &self.filters);
        Ok(meet::<DB, E>(wire, cx, &which, self.fate, Answer::Count).await?.count)
    }
}

/// Lets rows meet their fate, and those along which it cascades. The rows of a deletion that cascades are counted, not answered.
pub(crate) async fn meet<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    which: &Which<'_, E>,
    fate: Fate,
    answer: Answer,
) -> Result<Changed<E>> {
    let mut steps = Steps::new();
    let changed = meet_alone(wire, cx, which, fate, answer, &mut steps).await?;
    // One after the other and not within each other: rows may lead to rows to any depth.
    while let Some(Step(step)) = steps.pop_front() {
        step(wire, cx, &mut steps).await?;
    }
    Ok(changed)
}

/// What is left to do along relations.
type Steps<DB> = VecDeque<Step<DB>>;

/// The rows at the other end of a relation.
struct Step<DB: Backend>(Box<TakeStep<DB>>);

type TakeStep<DB> = dyn for<'a, 'w> FnOnce(&'a mut Wire<'w, DB>, Cx<'a>, &'a mut Steps<DB>) -> BoxFuture<'a, Result<()>>
    + Send;

impl<DB: Backend> Step<DB> {
    fn new<F>(step: F) -> Self
    where
        F: for<'a, 'w> FnOnce(&'a mut Wire<'w, DB>, Cx<'a>, &'a mut Steps<DB>) -> BoxFuture<'a, Result<()>>
            + Send
            + 'static,
    {
        Self(Box::new(step))
    }
}

async fn meet_alone<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    which: &Which<'_, E>,
    fate: Fate,
    answer: Answer,
    steps: &mut Steps<DB>,
) -> Result<Changed<E>> {
    let meta = E::META;
    let operation = fate.operation(meta);
    let (Some(soft_delete), Fate::Delete | Fate::Restore) = (&meta.plug.soft_delete, fate) else {
        // By their keys, rows are purged whether or not they are marked; by filters, those that the query sees.
        let which = match which.keys {
            Keys::Any => which.clone(),
            _ => which.clone().deleted(Deleted::Shown),
        };
        let count = remove::<DB, E>(wire, cx, operation, &which).await?;
        return Ok(Changed { rows: Vec::new(), count });
    };
    let prepare = Prepare::new(meta, cx.plugins());
    let col = &meta.columns[soft_delete.column];
    let mut assignments = Vec::with_capacity(3);
    if fate == Fate::Delete {
        assignments.push(Assignment { col, to: to_deleted(soft_delete.mark, cx) });
    } else {
        assignments.push(Assignment { col, to: to_live(soft_delete.mark) });
        if let Some((column, now)) = prepare.updated_at() {
            assignments.push(Assignment { col: &meta.columns[column], to: To::Shared(now) });
        }
    }
    assignments.extend(next_version(meta));

    // What is marked already keeps its time.
    let which = which.clone().deleted(if fate == Fate::Delete { Deleted::Hidden } else { Deleted::Only });
    if !soft_delete.cascade {
        return change(wire, cx, operation, &assignments, &which, answer).await;
    }
    if fate == Fate::Delete {
        let Changed { rows, count } = change(wire, cx, operation, &assignments, &which, Answer::Rows).await?;
        E::cascade(Cascade { rows: rows.into(), fate, steps });
        return Ok(Changed { rows: Vec::new(), count });
    }
    // What was marked together is restored together: these rows still have the time.
    let mut sql = cx.select::<DB, E>();
    which.write(&mut sql);
    sql.push(row_lock(DB::DIALECT));
    let rows: Vec<E> = decode::<DB, E>(wire, sql).await?;
    // They come first, so that a circle of rows ends where it began.
    let changed = change(wire, cx, operation, &assignments, &which, answer).await?;
    E::cascade(Cascade { rows: rows.into(), fate, steps });
    Ok(changed)
}

fn to_deleted(mark: Mark, cx: Cx<'_>) -> To<'static> {
    match mark {
        Mark::Time(at) => To::Shared(at(cx.plugins().now())),
        Mark::Flag => To::True,
    }
}

/// What the mark of a row is that is not deleted.
pub(crate) fn to_live(mark: Mark) -> To<'static> {
    match mark {
        Mark::Time(_) => To::Null,
        Mark::Flag => To::False,
    }
}

/// Rows that were marked or restored, for those along which that cascades.
#[doc(hidden)]
pub struct Cascade<'a, DB: Backend, E> {
    /// As they were marked.
    rows: Arc<[E]>,
    fate: Fate,
    steps: &'a mut Steps<DB>,
}

impl<DB: Backend, E: On<DB>> Cascade<'_, DB, E> {
    /// Does the same to the rows at the other end of a relation, later.
    pub(crate) fn along<C: On<DB>>(&mut self, rel: Rel) {
        let (Some(own), Some(theirs)) = (&E::META.plug.soft_delete, &rel.meta.plug.soft_delete) else {
            return;
        };
        // Of one type, which the derive sees to.
        let (own, theirs) = (&E::META.columns[own.column], &rel.meta.columns[theirs.column]);
        for group in self.together(own) {
            for group in group.chunks(MOST_PARENTS) {
                let (rows, group, fate) = (self.rows.clone(), group.to_vec(), self.fate);
                self.steps.push_back(Step::new(move |wire, cx, steps| {
                    Box::pin(async move {
                        let rows: Vec<&E> = group.iter().filter_map(|at| rows.get(*at)).collect();
                        let keys: Vec<_> =
                            rows.iter().filter_map(|row| row.value(rel.parent.index)).collect();
                        let mut which = Which::<C>::filtered(Deleted::Hidden, &[]);
                        which.keys = Keys::Among(rel.key, rel.parent.codec, &keys);
                        if fate == Fate::Restore {
                            let mark = rows.first().and_then(|row| row.value(own.index));
                            which.is = mark.map(|mark| (theirs, mark));
                        }
                        meet_alone::<DB, C>(wire, cx, &which, fate, Answer::Count, steps).await?;
                        Ok(())
                    })
                }));
            }
        }
    }

    /// The places of the rows, in groups: those to restore by when they were marked.
    fn together(&self, mark: &'static Col) -> Vec<Vec<usize>> {
        if self.fate == Fate::Delete {
            return vec![(0..self.rows.len()).collect()];
        }
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for (at, row) in self.rows.iter().enumerate() {
            let same = |group: &&mut Vec<usize>| {
                let first = group.first().and_then(|at| self.rows.get(*at)?.value(mark.index));
                matches!((first, row.value(mark.index)), (Some(a), Some(b)) if same_value(mark.codec, a, b))
            };
            match groups.iter_mut().rev().find(same) {
                Some(group) => group.push(at),
                None => groups.push(vec![at]),
            }
        }
        groups
    }
}

/// How many parents one statement takes.
const MOST_PARENTS: usize = 1024;
