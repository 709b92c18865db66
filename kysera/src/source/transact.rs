use std::future::Future;
use std::sync::Arc;

use super::db::Db;
use super::tx::Tx;
use super::{InTransaction, Writable};
use futures_core::future::BoxFuture;

use crate::backend::Backend;
use crate::error::Result;

/// A source that opens transactions: a [`Db`] begins one, a [`Tx`] a savepoint.
///
/// A service that asks for it runs on a `Db` in production, and in a test within a transaction that is rolled back.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// # use sqlx::Sqlite;
/// use kysera::{Db, Result, Transact};
///
/// struct Accounts<S>(S);
///
/// impl<S: Transact> Accounts<S> {
///     async fn open(&self) -> Result<u32> {
///         self.0.transaction(|_tx| async move { Ok(1) }).await
///     }
/// }
///
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// assert_eq!(Accounts(&db).open().await?, 1);
/// let tx = db.begin().await?;
/// assert_eq!(Accounts(&tx).open().await?, 1);
/// tx.rollback().await?;
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
pub trait Transact: Writable {
    /// What the closure gets.
    type Handle: Transact<Database = Self::Database, Context = Self::Context> + InTransaction;

    /// Runs `f` in a transaction or savepoint: kept if it answers `Ok`, undone if it answers `Err`.
    ///
    /// # Errors
    ///
    /// Those of `f`, and those of [`Db::transaction`] and [`Tx::transaction`].
    #[track_caller]
    fn transaction<'a, T, F, Fut>(&'a self, f: F) -> BoxFuture<'a, Result<T>>
    where
        T: Send + 'a,
        F: FnOnce(Self::Handle) -> Fut + Send + 'a,
        Fut: Future<Output = Result<T>> + Send + 'a;
}

impl<DB: Backend, C: Send + Sync + 'static> Transact for Db<DB, C> {
    type Handle = Tx<DB, C>;

    #[track_caller]
    fn transaction<'a, T, F, Fut>(&'a self, f: F) -> BoxFuture<'a, Result<T>>
    where
        T: Send + 'a,
        F: FnOnce(Self::Handle) -> Fut + Send + 'a,
        Fut: Future<Output = Result<T>> + Send + 'a,
    {
        Box::pin(Db::transaction(self, f))
    }
}

impl<DB: Backend, C: Send + Sync + 'static> Transact for Tx<DB, C> {
    type Handle = Tx<DB, C>;

    #[track_caller]
    fn transaction<'a, T, F, Fut>(&'a self, f: F) -> BoxFuture<'a, Result<T>>
    where
        T: Send + 'a,
        F: FnOnce(Self::Handle) -> Fut + Send + 'a,
        Fut: Future<Output = Result<T>> + Send + 'a,
    {
        Box::pin(Tx::transaction(self, f))
    }
}

impl<S: Transact> Transact for &S {
    type Handle = S::Handle;

    #[track_caller]
    fn transaction<'a, T, F, Fut>(&'a self, f: F) -> BoxFuture<'a, Result<T>>
    where
        T: Send + 'a,
        F: FnOnce(Self::Handle) -> Fut + Send + 'a,
        Fut: Future<Output = Result<T>> + Send + 'a,
    {
        (**self).transaction(f)
    }
}

impl<S: Transact> Transact for Arc<S> {
    type Handle = S::Handle;

    #[track_caller]
    fn transaction<'a, T, F, Fut>(&'a self, f: F) -> BoxFuture<'a, Result<T>>
    where
        T: Send + 'a,
        F: FnOnce(Self::Handle) -> Fut + Send + 'a,
        Fut: Future<Output = Result<T>> + Send + 'a,
    {
        (**self).transaction(f)
    }
}
