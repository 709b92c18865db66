use std::future::Future;

use super::session::Settings;
use super::tx::Tx;
use super::{Concurrent, InTransaction, Source, TxConnection};
use crate::backend::Backend;
use crate::error::Result;

/// A source through which a write does not compile: a transaction that only reads, or a database that is not to be written. The
/// replicas of a database are a [source of their own](super::Replica).
///
/// ```compile_fail
/// # use kysera::{ReadOnly, Source};
/// # use kysera::source::Writable;
/// fn write(source: impl Writable) {}
/// fn report<S: Source>(replica: ReadOnly<S>) {
///     write(replica); // `ReadOnly<S>` is a read-only source and cannot run a statement that writes
/// }
/// ```
#[derive(Debug, Clone)]
pub struct ReadOnly<S>(S);

impl<S: Source> ReadOnly<S> {
    /// Around any source.
    pub fn new(source: S) -> Self {
        Self(source)
    }
}

impl<DB: Backend, C: Send + Sync + 'static> ReadOnly<Tx<DB, C>> {
    /// Ends the transaction; see [`Tx::commit`].
    ///
    /// # Errors
    ///
    /// Those of [`Tx::commit`].
    pub async fn commit(self) -> Result<()> {
        self.0.commit().await
    }

    /// Ends the transaction; see [`Tx::rollback`].
    ///
    /// # Errors
    ///
    /// Those of [`Tx::rollback`].
    pub async fn rollback(self) -> Result<()> {
        self.0.rollback().await
    }

    /// The connection, for sqlx; see [`Tx::connection`]. What is written through it, PostgreSQL and MySQL refuse.
    ///
    /// # Errors
    ///
    /// Those of [`Tx::connection`].
    pub async fn connection(&self) -> Result<TxConnection<'_, DB>> {
        self.0.connection().await
    }
}

impl<S: Source> Source for ReadOnly<S> {
    type Database = S::Database;
    type Context = S::Context;
    type Guard<'a>
        = S::Guard<'a>
    where
        Self: 'a;

    fn acquire(&self) -> impl Future<Output = Result<Self::Guard<'_>>> + Send {
        self.0.acquire()
    }

    fn context(&self) -> &S::Context {
        self.0.context()
    }

    fn settings(&self) -> &Settings {
        self.0.settings()
    }
}

impl<S: InTransaction> InTransaction for ReadOnly<S> {}
impl<S: Concurrent> Concurrent for ReadOnly<S> {}
