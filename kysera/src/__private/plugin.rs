//! What generated code says of plugins.

use std::future::Future;

use crate::backend::Backend;
use crate::entity::{On, SoftDeleted, Written};
use crate::error::Result;
use crate::expr::PluginContext;
use crate::plugin::{PluginSet, PluginTx};
use crate::relation::Relation;
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

/// Does to the rows at the other end of a relation what was done to those at this one.
pub fn along<DB: Backend, R: Relation>(cascade: &mut Cascade<'_, DB, R::Parent>, relation: R)
where
    R::Parent: On<DB> + SoftDeleted,
    R::Target: On<DB> + SoftDeleted<Mark = <R::Parent as SoftDeleted>::Mark>,
{
    cascade.along::<R::Target>(relation.way().rel);
}
