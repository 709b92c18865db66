//! What plugins write on.

use std::any::Any;

use crate::backend::Backend;
use crate::error::Result;
use crate::expr::{PluginContext, RawArgs, Sql, Term, raw_term};
use crate::observe::Wire;
use crate::source::{Borrowed, on};

/// The connection on which a write ran, within its transaction, for
/// [`Plugin::after_write`](super::Plugin::after_write).
pub struct PluginTx<'c, DB: Backend> {
    wire: Wire<'c, DB>,
    schema: Option<&'c str>,
    cx: PluginContext<'c>,
}

impl<'c, DB: Backend> PluginTx<'c, DB> {
    pub(crate) fn new(wire: Wire<'c, DB>, schema: Option<&'c str>, cx: PluginContext<'c>) -> Self {
        Self { wire, schema, cx }
    }

    /// Who asks, and what time it is.
    pub fn context(&self) -> PluginContext<'c> {
        self.cx
    }

    /// The schema of the source, if it [has one](crate::Db::in_schema): SQL of your own is to name it.
    pub fn schema(&self) -> Option<&'c str> {
        self.schema
    }

    /// Runs SQL of your own and answers how many rows it wrote. Each `{}` is one of the arguments, which are bound, as in
    /// [`Filter::raw`](crate::Filter::raw).
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`](crate::Error::BadRequest) unless there are as many `{}` as arguments; those of the database.
    pub async fn execute(&mut self, sql: &'static str, args: impl RawArgs<()>) -> Result<u64> {
        let term: Term = raw_term(sql, args);
        let statement = {
            let mut text = Sql::new(DB::DIALECT).showing(self.wire.shows_values());
            text.term(&term);
            text.finish()?
        };
        Ok(self.wire.execute(statement).await?.rows)
    }

    /// The connection as a source of a certain database, for repositories: `if let Some(source) = tx.on::<Sqlite>()`, then
    /// `Log::repo(&source)`. `None` where it is another database. Its context is `()`; for entities that ask for one, give it the
    /// caller's, `source.with_context(tx.context().context::<Principal>()..)`, or say why not: `source.unrestricted("..")`.
    pub fn on<Other: Backend>(&mut self) -> Option<Borrowed<'_, Other>>
    where
        DB::Connection: 'static,
        Other::Connection: 'static,
    {
        let (observers, pooler) = (self.wire.observers(), self.wire.pooler());
        let conn: &mut dyn Any = self.wire.connection();
        let conn = conn.downcast_mut::<Other::Connection>()?;
        Some(on::<Other>(conn).with_observers(observers).behind(pooler))
    }

    /// sqlx's connection. The transaction is not to be ended on it.
    pub fn connection(&mut self) -> &mut DB::Connection {
        self.wire.connection()
    }
}

impl<DB: Backend> std::fmt::Debug for PluginTx<'_, DB> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PluginTx").field("database", &DB::NAME).finish_non_exhaustive()
    }
}
