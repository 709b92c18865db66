//! What generated code says of plugins.

use std::future::Future;

use crate::backend::Backend;
use crate::entity::{On, SoftDeleted, Written};
use crate::error::Result;
use crate::expr::PluginContext;
use crate::observe::Wire;
use crate::plugin::{PluginSet, PluginTx};
use crate::relation::Relation;
pub use crate::write::Cascade;

/// Shows the plugins that a function makes what was written.
pub fn after_write<'a, E: On<DB>, DB: Backend, P: PluginSet<E> + 'static>(
    plugins: fn() -> P,
    written: Written<'a, E>,
    wire: Wire<'a, DB>,
    schema: Option<&'a str>,
    cx: PluginContext<'a>,
) -> impl Future<Output = Result<()>> + Send + 'a {
    async move {
        let plugins = plugins();
        let mut tx = PluginTx::<DB>::new(wire, schema, cx);
        plugins.after_write(written, &mut tx).await
    }
}

/// An entity whose rows are marked as deleted in a column of the same type as those of another one.
#[diagnostic::on_unimplemented(
    message = "rows of `{Self}` cannot be deleted along with those of `{E}`",
    label = "`{Self}` has no `soft_delete`, or its column has another type",
    note = "add `#[kysera::plugin(soft_delete)]` to `{Self}`, with a column of the same type as that of `{E}`: what was deleted together \
            is found by its time"
)]
pub trait MarkedLike<E> {}

#[diagnostic::do_not_recommend]
impl<E: SoftDeleted, C: SoftDeleted<Mark = E::Mark>> MarkedLike<E> for C {}

/// Does to the rows at the other end of a relation what was done to those at this one.
pub fn along<DB: Backend, R: Relation>(cascade: &mut Cascade<'_, DB, R::Parent>, relation: R)
where
    R::Parent: On<DB> + SoftDeleted,
    R::Target: On<DB> + MarkedLike<R::Parent>,
{
    cascade.along::<R::Target>(relation.way().rel);
}
