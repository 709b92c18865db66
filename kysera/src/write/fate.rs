//! What becomes of rows: they are marked as deleted or removed, restored, purged.

use super::change::{Answer, Changed, change, decode, remove, unit_of};
use super::log::row_lock;
use super::prepare::Prepare;
use super::set::{Assignment, To, next_version};
use super::which::{Keys, Which};
use crate::backend::{Backend, Dialect};
use crate::entity::{Entity, On, Operation};
use crate::error::Result;
use crate::expr::{Col, Deleted, Mark, Meta, Node, Rel, same_value};
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

    pub(crate) fn unit<E: Entity>(self, dialect: Dialect) -> Unit {
        let cascades = E::META.plug.soft_delete.as_ref().is_some_and(|soft_delete| soft_delete.cascade);
        if cascades && self != Self::Purge { Unit::Atomic } else { unit_of::<E>(dialect, Answer::Count) }
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

    fn unit(&self) -> Unit {
        self.fate.unit::<E>(DB::DIALECT)
    }

    async fn run(self, conn: &mut DB::Connection, cx: Cx<'_>) -> Result<u64> {
        let which = Which::<E>::filtered(self.deleted, &self.filters);
        Ok(meet::<DB, E>(conn, cx, &which, self.fate, Answer::Count).await?.count)
    }
}

/// Lets rows meet their fate, and those along which it cascades.
pub(crate) async fn meet<DB: Backend, E: On<DB>>(
    conn: &mut DB::Connection,
    cx: Cx<'_>,
    which: &Which<'_, E>,
    fate: Fate,
    answer: Answer,
) -> Result<Changed<E>> {
    let meta = E::META;
    let operation = fate.operation(meta);
    let (Some(soft_delete), Fate::Delete | Fate::Restore) = (&meta.plug.soft_delete, fate) else {
        // By their keys, rows are purged whether or not they are marked; by filters, those that the query sees.
        let which = match which.keys {
            Keys::Any => which.clone(),
            _ => which.clone().deleted(Deleted::Shown),
        };
        let count = remove::<DB, E>(conn, cx, operation, &which).await?;
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
        return change(conn, cx, operation, &assignments, &which, answer).await;
    }
    if fate == Fate::Delete {
        let changed = change(conn, cx, operation, &assignments, &which, Answer::Rows).await?;
        E::cascade(Cascade { conn, cx, rows: &changed.rows, fate }).await?;
        return Ok(changed);
    }
    // What was marked together is restored together: these rows still have the time.
    let mut sql = cx.select::<DB, E>();
    which.write(&mut sql);
    sql.push(row_lock(DB::DIALECT));
    let rows: Vec<E> = decode::<DB, E>(conn, sql).await?;
    // They come first, so that a circle of rows ends where it began.
    let changed = change(conn, cx, operation, &assignments, &which, answer).await?;
    E::cascade(Cascade { conn, cx, rows: &rows, fate }).await?;
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

/// Rows that were marked or are about to be restored, for those along which that cascades.
#[doc(hidden)]
pub struct Cascade<'a, DB: Backend, E> {
    conn: &'a mut DB::Connection,
    cx: Cx<'a>,
    rows: &'a [E],
    fate: Fate,
}

impl<DB: Backend, E: On<DB>> Cascade<'_, DB, E> {
    /// Does the same to the rows at the other end of a relation.
    pub(crate) async fn along<C: On<DB>>(&mut self, rel: Rel) -> Result<()> {
        let (Some(own), Some(theirs)) = (&E::META.plug.soft_delete, &rel.meta.plug.soft_delete) else {
            return Ok(());
        };
        // Of one type, which the derive sees to.
        let (own, theirs) = (&E::META.columns[own.column], &rel.meta.columns[theirs.column]);
        for rows in self.rows.chunks(MOST_PARENTS) {
            for rows in self.together(own, rows) {
                let keys: Vec<_> = rows.iter().filter_map(|row| row.value(rel.parent.index)).collect();
                let Some(first) = rows.first() else { continue };
                let mut which = Which::<C>::filtered(Deleted::Hidden, &[]);
                which.keys = Keys::Among(rel.key, rel.parent.codec, &keys);
                if self.fate == Fate::Restore {
                    which.is = first.value(own.index).map(|mark| (theirs, mark));
                }
                // Boxed, because an entity may cascade to itself.
                Box::pin(meet::<DB, C>(self.conn, self.cx, &which, self.fate, Answer::Count)).await?;
            }
        }
        Ok(())
    }

    /// The rows in groups: those to restore by when they were marked.
    fn together<'r>(&self, mark: &'static Col, rows: &'r [E]) -> Vec<Vec<&'r E>> {
        if self.fate == Fate::Delete {
            return vec![rows.iter().collect()];
        }
        let mut groups: Vec<Vec<&E>> = Vec::new();
        for row in rows {
            let same = |group: &&mut Vec<&E>| {
                let (Some(a), Some(b)) =
                    (group.first().and_then(|row| row.value(mark.index)), row.value(mark.index))
                else {
                    return false;
                };
                same_value(mark.codec, a, b)
            };
            match groups.iter_mut().find(same) {
                Some(group) => group.push(row),
                None => groups.push(vec![row]),
            }
        }
        groups
    }
}

/// How many parents one statement takes.
const MOST_PARENTS: usize = 1024;
