//! Relations along which rows are deleted and restored.

use futures_core::future::BoxFuture;

use super::{HasMany, HasOne, Relation};
use crate::backend::Backend;
use crate::entity::{Entity, On, SoftDeleted};
use crate::error::Result;
use crate::write::Cascade;

/// A relation along which `soft_delete(cascade = [..])` can go: to rows that have the key of the row at hand.
#[diagnostic::on_unimplemented(
    message = "rows are not deleted along `{Self}`",
    label = "expected a `has_many` or `has_one` relation of the struct, without `through`"
)]
#[doc(hidden)]
pub trait Cascading: Relation {}

impl<P: Entity, C: Entity> Cascading for HasMany<P, C> {}
impl<P: Entity, C: Entity> Cascading for HasOne<P, C> {}

impl<DB: Backend, E: On<DB>> Cascade<'_, DB, E> {
    /// Does to the rows at the other end what was done to those at this one.
    ///
    /// # Errors
    ///
    /// Those of the database.
    #[doc(hidden)]
    pub fn along<R>(&mut self, relation: R) -> BoxFuture<'_, Result<()>>
    where
        R: Cascading<Parent = E>,
        R::Target: On<DB> + SoftDeleted,
    {
        // Boxed, so that a relation which does not fit is reported once: not with the future's type as well.
        Box::pin(self.along_rel::<R::Target>(relation.way().rel))
    }
}
