//! What generated code says of plugins.

use std::future::Future;

use crate::backend::Backend;
use crate::entity::{Entity, On, Written};
use crate::error::Result;
use crate::expr::PluginContext;
use crate::plugin::{PluginSet, PluginTx};
use crate::relation::{HasMany, HasOne, Relation};
pub use crate::write::Cascade;

/// The connection of a database.
pub type Connection<DB> = <DB as sqlx::Database>::Connection;

/// Shows the plugins that a function makes what was written.
pub fn after_write<'a, E: On<DB>, DB: Backend, P: PluginSet<E> + 'static>(
    plugins: fn() -> P,
    written: Written<'a, E>,
    conn: &'a mut Connection<DB>,
    schema: Option<&'a str>,
    cx: PluginContext<'a>,
) -> impl Future<Output = Result<()>> + Send + 'a {
    async move {
        let plugins = plugins();
        let mut tx = PluginTx::<DB>::new(conn, schema, cx);
        plugins.after_write(written, &mut tx).await
    }
}

/// A relation along which rows are deleted and restored.
#[diagnostic::on_unimplemented(
    message = "rows are not deleted along `{Self}`",
    label = "expected a relation of `has_many` or `has_one`",
    note = "`cascade` names relations whose rows have the key of this one: those of `has_many` without `through`, and of `has_one`"
)]
pub trait Cascades: Relation {}

impl<P: Entity, C: Entity> Cascades for HasMany<P, C> {}

impl<P: Entity, C: Entity> Cascades for HasOne<P, C> {}

/// A relation of `cascade`.
pub struct Along<R>(R);

/// All uses of a relation begin here, so that one that does not fit is reported once.
pub const fn cascade<R: Cascades>(relation: R) -> Along<R> {
    Along(relation)
}

impl<R: Cascades> Along<R> {
    /// Fails to compile unless the rows at the other end can be marked as deleted.
    #[track_caller]
    pub const fn check(self) {
        assert!(
            <R::Target as Entity>::META.plug.soft_delete.is_some(),
            "`cascade` needs an entity with `soft_delete` at the other end: add `#[kysera::plugin(soft_delete)]` there"
        );
    }

    /// Does to the rows at the other end what was done to those at this one.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub async fn follow<DB: Backend>(self, cascade: &mut Cascade<'_, DB, R::Parent>) -> Result<()>
    where
        R::Parent: On<DB>,
        R::Target: On<DB>,
    {
        cascade.along::<R::Target>(self.0.way().rel).await
    }
}
