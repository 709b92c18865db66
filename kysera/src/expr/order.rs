//! Orders.

use std::marker::PhantomData;

use super::term::Term;

/// What to order by, made by [`Column::asc`](super::Column::asc), [`Column::desc`](super::Column::desc) and the same
/// methods of an [`Expr`](super::Expr).
///
/// Without [`nulls_first`](Order::nulls_first) or [`nulls_last`](Order::nulls_last) NULLs stand where the database
/// puts them by itself: on PostgreSQL after all values, on MySQL and SQLite before them (the other way round when
/// descending). That order an index can serve.
pub struct Order<E> {
    pub(crate) key: OrderKey,
    entity: PhantomData<fn() -> E>,
}

/// An [`Order`] without its entity.
#[derive(Clone)]
pub(crate) struct OrderKey {
    pub(crate) term: Term,
    pub(crate) descending: bool,
    pub(crate) nulls: Option<Nulls>,
}

/// Where NULLs stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nulls {
    First,
    Last,
}

impl<E> Clone for Order<E> {
    fn clone(&self) -> Self {
        Self { key: self.key.clone(), entity: PhantomData }
    }
}

impl<E> Order<E> {
    pub(crate) fn new(term: Term, descending: bool) -> Self {
        Self { key: OrderKey { term, descending, nulls: None }, entity: PhantomData }
    }

    /// NULLs before all values, on every database.
    #[must_use]
    pub fn nulls_first(mut self) -> Self {
        self.key.nulls = Some(Nulls::First);
        self
    }

    /// NULLs after all values, on every database.
    #[must_use]
    pub fn nulls_last(mut self) -> Self {
        self.key.nulls = Some(Nulls::Last);
        self
    }
}
