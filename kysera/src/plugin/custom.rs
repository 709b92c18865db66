//! Plugins of your own.

use std::future::Future;

use super::PluginTx;
use super::fit::sequence;
use crate::backend::Backend;
use crate::entity::{Changes, Entity, On, Written};
use crate::error::{Error, Result};
use crate::expr::{Filter, PluginContext, Scope};

/// When a plugin has its turn, whatever the order in which plugins are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// First: who may do what.
    Security,
    /// Which rows there are.
    Filter,
    /// What is written. The built-in plugins `timestamps` and `version` come before all of these.
    Transform,
    /// Last: what was written.
    Audit,
}

/// A plugin of your own for an entity, listed in `#[kysera::plugin(..)]` by its path.
///
/// All methods have a default that does nothing. They are called statically, in the order of their [`PHASE`](Self::PHASE).
///
/// Their errors arrive as [`Error::Plugin`], with the code of what is in it; [`Error::Invalid`], for values that break a rule,
/// arrives as it is.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no plugin of `{E}`",
    label = "not a plugin of `{E}`",
    note = "write `impl kysera::plugin::Plugin<{E}> for {Self} {{ .. }}`"
)]
pub trait Plugin<E: Entity>: Send + Sync {
    /// What other plugins call it in [`REQUIRES`](Self::REQUIRES) and [`CONFLICTS`](Self::CONFLICTS), and errors as well.
    const NAME: &'static str;
    /// Its turn; within one phase plugins that others require come first, then the alphabet decides.
    const PHASE: Phase = Phase::Transform;
    /// The names of plugins that have to be listed as well, `soft_delete`, `timestamps`, `version`, `audit` and `rls` among
    /// them. They have their turn before this one.
    const REQUIRES: &'static [&'static str] = &[];
    /// The names of plugins that must not be listed.
    const CONFLICTS: &'static [&'static str] = &[];
    /// Whether [`after_write`](Self::after_write) has anything to do. With `false` it is not called, and writes of a single
    /// statement need no transaction around them.
    const AFTER_WRITE: bool = true;
    /// Whether [`scope`](Self::scope) ever hides anything. With `false` it is not called, and statements keep the texts that they
    /// have without the plugin.
    const SCOPE: bool = true;

    /// The rows that there are, for this caller: a condition of every statement on the table, wherever it is reached from.
    /// `None` is all of them.
    ///
    /// It says what may be seen, and so changed and deleted, by what the rows are **before** a write. What new rows and changed
    /// ones may become it does not say: look at that in [`before_create`](Self::before_create) and
    /// [`before_update`](Self::before_update). Beware of `cx.context::<T>()` where that is `None`: an entity with
    /// `#[kysera(context = T)]` is reached with a `T` or by [`System`](crate::System) alone.
    ///
    /// # Errors
    ///
    /// Whatever forbids the statement: nothing is sent then.
    fn scope(&self, cx: &PluginContext<'_>) -> Result<Option<Filter<E>>> {
        let _ = cx;
        Ok(None)
    }

    /// Looks at a row that is about to be created, after its rules were checked, and adds to it. Called for each row of
    /// bulk methods and for upserts, also where an upsert then updates a row that is there.
    ///
    /// # Errors
    ///
    /// Whatever forbids it: nothing is written then.
    fn before_create(&self, row: &mut Changes<'_, E>, cx: &PluginContext<'_>) -> Result<()> {
        let _ = (row, cx);
        Ok(())
    }

    /// Looks at what an update is about to change, and adds to it: once for each patch, so that an update of many rows by
    /// filters is one call. Not called for patches that change nothing, for upserts, nor when rows are deleted or restored.
    ///
    /// # Errors
    ///
    /// Whatever forbids it: nothing is written then.
    fn before_update(&self, changes: &mut Changes<'_, E>, cx: &PluginContext<'_>) -> Result<()> {
        let _ = (changes, cx);
        Ok(())
    }

    /// Looks at what was written, on the same connection and in the same transaction. The rows of bulk methods and of updates by
    /// filters are read for it, and held in memory.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] mod doc {
    /// use kysera::entity::On;
    /// use kysera::plugin::{Operation, Plugin, PluginTx, Written};
    /// use kysera::prelude::*;
    /// use kysera::Backend;
    ///
    /// #[derive(Repository)]
    /// #[kysera::plugin(Outbox)]
    /// #[kysera(table = "orders")]
    /// struct Order {
    ///     #[kysera(id)]
    ///     id: i64,
    /// }
    ///
    /// /// A message for each new order, sent by whoever reads the table.
    /// struct Outbox;
    ///
    /// impl Plugin<Order> for Outbox {
    ///     const NAME: &'static str = "outbox";
    ///     const SCOPE: bool = false;
    ///
    ///     async fn after_write<'a, DB: Backend>(
    ///         &'a self,
    ///         written: Written<'a, Order>,
    ///         tx: &'a mut PluginTx<'_, DB>,
    ///     ) -> kysera::Result<()>
    ///     where
    ///         Order: On<DB>,
    ///     {
    ///         if written.operation() == Operation::Create {
    ///             for order in written.rows() {
    ///                 tx.execute("INSERT INTO outbox (topic, order_id) VALUES ('ordered', {})", [order.id]).await?;
    ///             }
    ///         }
    ///         Ok(())
    ///     }
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Whatever went wrong: all of it is undone then.
    fn after_write<'a, DB: Backend>(
        &'a self,
        written: Written<'a, E>,
        tx: &'a mut PluginTx<'_, DB>,
    ) -> impl Future<Output = Result<()>> + Send + 'a
    where
        E: On<DB>,
    {
        let _ = (written, tx);
        std::future::ready(Ok(()))
    }
}

/// What plugins say of themselves.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    pub name: &'static str,
    pub phase: Phase,
    pub requires: &'static [&'static str],
    pub conflicts: &'static [&'static str],
}

/// All plugins of an entity: a tuple of up to eight, folded by the compiler.
#[doc(hidden)]
#[diagnostic::on_unimplemented(message = "an entity has at most eight plugins of its own")]
pub trait PluginSet<E: Entity>: Send + Sync {
    const FACTS: &'static [Facts];
    const AFTER_WRITE: bool;
    const SCOPE: bool;

    fn scope(&self, cx: &PluginContext<'_>) -> Result<Vec<Filter<E>>>;
    fn before_create(&self, row: &mut Changes<'_, E>, cx: &PluginContext<'_>) -> Result<()>;
    fn before_update(&self, changes: &mut Changes<'_, E>, cx: &PluginContext<'_>) -> Result<()>;
    fn after_write<'a, DB: Backend>(
        &'a self,
        written: Written<'a, E>,
        tx: &'a mut PluginTx<'_, DB>,
    ) -> impl Future<Output = Result<()>> + Send + 'a
    where
        E: On<DB>;
}

fn failed<E: Entity>(plugin: &'static str, doing: &'static str) -> impl FnOnce(Error) -> Error {
    move |source| match source {
        // Rules that a plugin checks are rules of the entity.
        Error::Invalid(mut invalid) => {
            invalid.entity.get_or_insert(E::META.entity);
            Error::Invalid(invalid)
        }
        source => Error::Plugin { plugin, doing, entity: E::META.entity, source: Box::new(source) },
    }
}

macro_rules! set {
    ($count:literal: $($P:ident $i:tt),+) => {
        impl<E: Entity, $($P: Plugin<E>),+> PluginSet<E> for ($($P,)+) {
            const FACTS: &'static [Facts] = &[$(Facts {
                name: $P::NAME,
                phase: $P::PHASE,
                requires: $P::REQUIRES,
                conflicts: $P::CONFLICTS,
            }),+];
            const AFTER_WRITE: bool = $($P::AFTER_WRITE)||+;
            const SCOPE: bool = $($P::SCOPE)||+;

            fn scope(&self, cx: &PluginContext<'_>) -> Result<Vec<Filter<E>>> {
                let mut filters = Vec::new();
                for at in const { sequence::<$count>(Self::FACTS) } {
                    let filter = match at {
                        $($i if $P::SCOPE => self.$i.scope(cx).map_err(failed::<E>($P::NAME, "scope")),)+
                        _ => Ok(None),
                    };
                    filters.extend(filter?);
                }
                Ok(filters)
            }

            fn before_create(&self, row: &mut Changes<'_, E>, cx: &PluginContext<'_>) -> Result<()> {
                for at in const { sequence::<$count>(Self::FACTS) } {
                    match at {
                        $($i => self.$i.before_create(row, cx).map_err(failed::<E>($P::NAME, "before_create"))?,)+
                        _ => {}
                    }
                }
                Ok(())
            }

            fn before_update(&self, changes: &mut Changes<'_, E>, cx: &PluginContext<'_>) -> Result<()> {
                for at in const { sequence::<$count>(Self::FACTS) } {
                    match at {
                        $($i => {
                            self.$i.before_update(changes, cx).map_err(failed::<E>($P::NAME, "before_update"))?;
                        })+
                        _ => {}
                    }
                }
                Ok(())
            }

            async fn after_write<'a, DB: Backend>(
                &'a self,
                written: Written<'a, E>,
                tx: &'a mut PluginTx<'_, DB>,
            ) -> Result<()>
            where
                E: On<DB>,
            {
                for at in const { sequence::<$count>(Self::FACTS) } {
                    match at {
                        $($i if $P::AFTER_WRITE => {
                            let done = self.$i.after_write(written, tx).await;
                            done.map_err(failed::<E>($P::NAME, "after_write"))?;
                        })+
                        _ => {}
                    }
                }
                Ok(())
            }
        }
    };
}
set!(1: A 0);
set!(2: A 0, B 1);
set!(3: A 0, B 1, C 2);
set!(4: A 0, B 1, C 2, D 3);
set!(5: A 0, B 1, C 2, D 3, F 4);
set!(6: A 0, B 1, C 2, D 3, F 4, G 5);
set!(7: A 0, B 1, C 2, D 3, F 4, G 5, H 6);
set!(8: A 0, B 1, C 2, D 3, F 4, G 5, H 6, I 7);

/// What the plugins that a function makes say of themselves.
#[doc(hidden)]
pub const fn facts_of<E: Entity, P: PluginSet<E>>(_: fn() -> P) -> &'static [Facts] {
    P::FACTS
}

/// Their scope, if they have one.
#[doc(hidden)]
pub const fn scope_of<E: Entity, P: PluginSet<E>>(
    _: fn() -> P,
    scope: fn(&PluginContext<'_>) -> Scope,
) -> Option<fn(&PluginContext<'_>) -> Scope> {
    if P::SCOPE { Some(scope) } else { None }
}

/// Whether any of them wants to see what was written.
#[doc(hidden)]
pub const fn after_write_of<E: Entity, P: PluginSet<E>>(_: fn() -> P) -> bool {
    P::AFTER_WRITE
}
