//! What a query selects, and how it is read.

use std::marker::PhantomData;

use crate::backend::{Backend, Dialect};
use crate::entity::{Cells, Entity, On};
use crate::error::Result;
use crate::expr::{Sql, Term};

/// What a query selects.
///
/// [`Rows`], whole entities, unless [`select`](super::Find::select), [`select_as`](super::Find::select_as) or a join says
/// otherwise; [`Grouped`](super::Grouped) after [`group_by`](super::Find::group_by).
pub trait Shape<DB: Backend>: Send + Sync + 'static {
    /// What each row of the result becomes.
    type Out: Send + 'static;

    /// How many cells that takes.
    #[doc(hidden)]
    fn width(&self) -> usize;

    /// Writes the SELECT list. `names`: each item gets one, `x0` and so on, for a query around this one.
    #[doc(hidden)]
    fn write<'v>(&'v self, sql: &mut SqlBox<'_, 'v>, names: bool);

    /// What it selects, if that is a list of expressions.
    #[doc(hidden)]
    fn items(&self) -> Option<Items<'_>> {
        None
    }

    /// A text that selects the same, if there is one that never changes.
    #[doc(hidden)]
    fn fixed(&self, dialect: Dialect) -> Option<&'static str> {
        let _ = dialect;
        None
    }

    /// Reads a row whose cells begin at `start`. `check`: the types of the cells have not been looked at yet.
    #[doc(hidden)]
    fn read(&self, row: &DB::Row, start: usize, check: bool) -> Result<Self::Out>;
}

/// Hides the renderer from the public API.
#[doc(hidden)]
pub struct SqlBox<'s, 'v>(pub(crate) &'s mut Sql<'v>);

/// Hides the trees of expressions from the public API.
#[doc(hidden)]
pub struct Items<'x>(pub(crate) &'x [Term]);

/// Whole rows: the [`Shape`] of a query that says nothing else.
pub struct Rows<E>(PhantomData<fn() -> E>);

impl<E> Rows<E> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<E> Clone for Rows<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Rows<E> {}

impl<DB: Backend, E: On<DB>> Shape<DB> for Rows<E> {
    type Out = E;

    fn width(&self) -> usize {
        E::META.columns.len()
    }

    fn write<'v>(&'v self, sql: &mut SqlBox<'_, 'v>, names: bool) {
        let _ = names; // columns have names of their own
        sql.0.row_columns(E::META);
    }

    fn fixed(&self, dialect: Dialect) -> Option<&'static str> {
        // What not everyone may read is masked for each caller.
        (!E::META.hides_columns()).then(|| E::TEXTS.of(dialect).select)
    }

    fn read(&self, row: &DB::Row, start: usize, check: bool) -> Result<E> {
        E::decode(&mut Cells::new(row, E::META, start, check))
    }
}

impl<E: Entity> std::fmt::Debug for Rows<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rows<{}>", E::META.entity)
    }
}
