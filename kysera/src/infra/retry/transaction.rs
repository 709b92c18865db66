use std::future::Future;

use super::Retry;
use crate::backend::Backend;
use crate::error::Result;
use crate::source::{Begin, Db, Mode, Tx, Write};

impl Retry {
    /// Runs `f` in a transaction, as [`Db::transaction`] does, and if that fails for the moment, in another one: BEGIN, `f` and COMMIT
    /// are tried again together. With an isolation level, or to read only: `db.begin().isolation(..).retry(&retry).run(f)`.
    ///
    /// A failed attempt is rolled back before the next one begins, so `f` begins anew with what the database holds then; what it does
    /// elsewhere (a message that is sent, a variable that it changes) happens as often as `f` runs.
    ///
    /// Of a database with a [deadline](Db::with_deadline), a pause that would end after it is not begun.
    ///
    /// A COMMIT whose outcome is [unknown](crate::error::TransactionError::OutcomeUnknown) is not tried again: it may have happened.
    /// Savepoints are not retried, so a [`Tx`] is not taken here: what makes an attempt fail undoes the whole transaction.
    ///
    /// ```compile_fail
    /// # use kysera::infra::Retry;
    /// # async fn doc(tx: kysera::Tx<kysera::Sqlite>) -> kysera::Result<()> {
    /// Retry::new().transaction(&tx, |tx| async move { Ok(()) }).await
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Db::transaction`] that are not transient, and [`Error::GaveUp`](crate::Error::GaveUp).
    #[track_caller]
    pub fn transaction<DB, C, T, F, Fut>(
        &self,
        db: &Db<DB, C>,
        f: F,
    ) -> impl Future<Output = Result<T>> + Send
    where
        DB: Backend,
        C: Send + Sync + 'static,
        T: Send,
        F: FnMut(Tx<DB, C>) -> Fut + Send,
        Fut: Future<Output = Result<T>> + Send,
    {
        db.begin().retry(self).run(f)
    }
}

impl<'d, DB: Backend, C: Send + Sync + 'static, M: Mode<DB, C>> Begin<'d, DB, C, M> {
    /// The whole transaction is tried again when it fails for the moment; see [`Retry::transaction`].
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> kysera::Result<()> {
    /// # use kysera::Sqlite;
    /// use kysera::infra::Retry;
    /// use kysera::{Db, Isolation};
    ///
    /// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
    /// let retry = Retry::new();
    /// let n = db.begin().isolation(Isolation::Serializable).retry(&retry).run(|_tx| async move { Ok(1) }).await?;
    /// assert_eq!(n, 1);
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "sqlite"))]
    /// # fn main() {}
    /// ```
    pub fn retry(self, retry: &Retry) -> Retried<'d, DB, C, M> {
        Retried { begin: self, retry: retry.clone() }
    }
}

/// A transaction that is about to begin, as often as it takes; made by [`Begin::retry`].
#[derive(Debug)]
#[must_use = "nothing begins until it is `run`"]
pub struct Retried<'d, DB: Backend, C = (), M = Write> {
    begin: Begin<'d, DB, C, M>,
    retry: Retry,
}

impl<DB: Backend, C: Send + Sync + 'static, M: Mode<DB, C>> Retried<'_, DB, C, M> {
    /// Runs `f` in the transaction; see [`Retry::transaction`].
    ///
    /// # Errors
    ///
    /// Those of [`Retry::transaction`].
    pub fn run<T, F, Fut>(self, mut f: F) -> impl Future<Output = Result<T>> + Send
    where
        T: Send,
        F: FnMut(M::Handle) -> Fut + Send,
        Fut: Future<Output = Result<T>> + Send,
    {
        async move {
            let mut attempt = 1;
            loop {
                match self.begin.clone().run(&mut f).await {
                    Ok(value) => return Ok(self.retry.succeeded(value)),
                    Err(error) => self.retry.pause(attempt, error, self.begin.deadline()).await?,
                }
                attempt += 1;
            }
        }
    }
}
