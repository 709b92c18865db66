mod budget;
mod jitter;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;
mod transaction;

use std::future::Future;
use std::time::Duration;

pub use budget::RetryBudget;
pub use jitter::Jitter;
#[cfg(feature = "migrate")]
pub(crate) use jitter::random;
pub use transaction::Retried;

use crate::error::{Error, Result};
use crate::source::Deadline;

/// Tries again what failed for the moment: what [`Error::is_transient`] says of.
///
/// | setting | default |
/// |---|---|
/// | [`attempts`](Self::attempts) | 3, the first one included |
/// | [`delays`](Self::delays) | at most 100 ms, 200 ms, .. between two attempts, never more than 2 s |
/// | [`jitter`](Self::jitter) | full: each pause is a random part of that |
/// | [`budget`](Self::budget) | none |
///
/// Cheap to clone; clones share the budget. An error that is not transient comes out at once and as it is. If the last attempt
/// fails with a transient one, the answer is [`Error::GaveUp`], which has the number of attempts and the last error, and the same
/// [code](Error::code) as that. Each retry leaves a `tracing` event of level INFO and target `kysera::retry`.
///
/// # What may be retried
///
/// A transaction, with [`transaction`](Self::transaction): what a failed attempt did is rolled back before the next one begins.
///
/// Anything else, with [`run`](Self::run), if it may happen twice. A connection that breaks does not say whether the statement before
/// was carried out, and a write that was is carried out again. Reads may happen twice, and so may
/// [transitions](crate::Repository) and writes of fixed values.
///
/// Nothing within a transaction: a deadlock or a serialization failure undoes all of it, so that only all of it can be tried again.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// use kysera::infra::Retry;
/// use kysera::prelude::*;
///
/// #[derive(Debug, Repository)]
/// #[kysera(table = "accounts")]
/// struct Account {
///     #[kysera(id)]
///     id: i64,
///     balance: i64,
/// }
///
/// # let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// # db.raw_sql("CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL)").await?;
/// # Account::repo(&db).create(NewAccount { balance: 10 }).await?;
/// let retry = Retry::new().attempts(5)?;
///
/// let total = retry.run(|| async { Account::repo(&db).count().await }).await?;
///
/// let balance = retry
///     .transaction(&db, |tx| async move {
///         let accounts = Account::repo(&tx);
///         let account = accounts.get(1).await?;
///         accounts.update(1, AccountPatch::new().balance(account.balance + 5)).await?;
///         Ok(account.balance + 5)
///     })
///     .await?;
/// assert_eq!((total, balance), (1, 15));
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is tried until it is `run`"]
pub struct Retry {
    attempts: u32,
    base: Duration,
    cap: Duration,
    jitter: Jitter,
    budget: Option<RetryBudget>,
}

impl Default for Retry {
    fn default() -> Self {
        Self::new()
    }
}

impl Retry {
    /// The defaults.
    pub const fn new() -> Self {
        Self {
            attempts: 3,
            base: Duration::from_millis(100),
            cap: Duration::from_secs(2),
            jitter: Jitter::full(),
            budget: None,
        }
    }

    /// How often it is tried at most, the first time included. 1 is no retry.
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`] for 0.
    pub fn attempts(mut self, attempts: u32) -> Result<Self> {
        if attempts == 0 {
            return Err(Error::BadRequest(
                "a retry makes at least one attempt: `attempts` counts the first one as well, so 1 is no retry".into(),
            ));
        }
        self.attempts = attempts;
        Ok(self)
    }

    /// The longest pause after the first attempt, which doubles with each further one, and where that ends. Zero for both is no
    /// pause at all.
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`] if `base` is longer than `cap`, or if `base` alone is zero, which nothing doubles.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use kysera::infra::Retry;
    ///
    /// let patient = Retry::new().delays(Duration::from_millis(20), Duration::from_secs(5))?;
    /// assert!(Retry::new().delays(Duration::from_secs(5), Duration::from_millis(20)).is_err());
    /// # Ok::<(), kysera::Error>(())
    /// ```
    pub fn delays(mut self, base: Duration, cap: Duration) -> Result<Self> {
        if base > cap {
            return Err(Error::BadRequest(
                format!("the first pause of a retry, {base:?}, is longer than the longest one, {cap:?}: swap them or raise the second")
                    .into(),
            ));
        }
        if base.is_zero() && !cap.is_zero() {
            return Err(Error::BadRequest(
                format!("a pause of zero stays zero, however often it doubles, and never comes to {cap:?}: begin with more, or end with zero")
                    .into(),
            ));
        }
        (self.base, self.cap) = (base, cap);
        Ok(self)
    }

    /// What part of each pause is waited for. [`Jitter::full`] by default: callers that failed together do not come back together.
    pub fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// Retries cost a token of this budget each, which many callers share, and without one there is no retry.
    pub fn budget(mut self, budget: &RetryBudget) -> Self {
        self.budget = Some(budget.clone());
        self
    }

    /// Runs `f` until it answers `Ok` or an error that is not transient, or has been tried often enough. What `f` does must be fit
    /// to [happen twice](Self#what-may-be-retried).
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # async fn doc(db: &kysera::Db<kysera::Sqlite>) -> kysera::Result<()> {
    /// # use kysera::infra::Retry;
    /// # use kysera::prelude::*;
    /// # #[derive(Repository)]
    /// # #[kysera(table = "users")]
    /// # struct User { #[kysera(id)] id: i64 }
    /// let users = Retry::new().run(|| async { User::repo(db).count().await }).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of `f` that are not transient, and [`Error::GaveUp`].
    pub fn run<T, F, Fut>(&self, mut f: F) -> impl Future<Output = Result<T>> + Send
    where
        T: Send,
        F: FnMut() -> Fut + Send,
        Fut: Future<Output = Result<T>> + Send,
    {
        self.run_with(move |_| f())
    }

    /// [`run`](Self::run), where `f` is told which attempt it is, from 1.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn run_with<T, F, Fut>(&self, mut f: F) -> impl Future<Output = Result<T>> + Send
    where
        T: Send,
        F: FnMut(u32) -> Fut + Send,
        Fut: Future<Output = Result<T>> + Send,
    {
        async move {
            let mut attempt = 1;
            loop {
                match f(attempt).await {
                    Ok(value) => return Ok(self.succeeded(value)),
                    Err(error) => self.pause(attempt, error, None).await?,
                }
                attempt += 1;
            }
        }
    }

    fn succeeded<T>(&self, value: T) -> T {
        if let Some(budget) = &self.budget {
            budget.deposit();
        }
        value
    }

    /// Waits until the next attempt, or answers why there is none.
    async fn pause(&self, attempt: u32, error: Error, deadline: Option<Deadline>) -> Result<()> {
        if !error.is_transient() {
            return Err(error);
        }
        let delay = self.delay(attempt);
        let in_time = deadline.is_none_or(|deadline| deadline.allows(delay));
        let more = attempt < self.attempts && in_time;
        if !more || !self.budget.as_ref().is_none_or(RetryBudget::withdraw) {
            return Err(Error::GaveUp { attempts: attempt, out_of_budget: more, source: Box::new(error) });
        }
        tracing::event!(
            target: "kysera::retry",
            tracing::Level::INFO,
            attempt,
            code = error.code().as_str(),
            delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
            "trying again"
        );
        drop(error);
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        Ok(())
    }

    /// The pause after this attempt.
    fn delay(&self, attempt: u32) -> Duration {
        let factor = 1_u32.checked_shl(attempt - 1).unwrap_or(u32::MAX);
        self.jitter.of(self.base.saturating_mul(factor).min(self.cap))
    }
}
