mod count;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use count::Count;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::error::{BreakerError, Error, Result};

/// Whether calls are let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// All are.
    Closed,
    /// None is.
    Open,
    /// One at a time, to try whether the database is back.
    HalfOpen,
}

/// When a [`Breaker`] opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trip {
    /// After so many failures in a row.
    Consecutive(u32),
    /// After so many failures among the last calls that ended.
    OfCalls {
        /// How many failures.
        failures: u32,
        /// Of how many calls.
        calls: u32,
    },
    /// After so many failures within the last so long.
    Within {
        /// How many failures.
        failures: u32,
        /// How long.
        period: Duration,
    },
}

/// A circuit breaker: leaves a database alone that fails, so that callers are told at once, and the database has time to come back.
///
/// Closed, it lets every call through and counts the failures. When there are too many ([`Trip`]) it opens: calls are refused with
/// [`Error::Breaker`] for as long as the pause. The first call after that is the trial, and it alone is let through: if it does not
/// fail the breaker closes, with nothing counted; if it does, another pause begins; if its future is dropped, the next call is the trial.
///
/// A failure is what [`Error::is_outage`] says of, or a [predicate](Self::failures) of your own. All other errors are answers of a
/// database that is there, and count as successes. A future that is dropped counts as nothing: a `timeout` belongs inside, as an error.
///
/// Cheap to clone, and meant to be: clones are the same breaker. It is not bound to a `Db`; have one for each server.
///
/// With [`Retry`](super::Retry): `retry.run(|| breaker.run(|| ..))` counts every attempt, and ends when the breaker is open, because the
/// refusal is not transient. `breaker.run(|| retry.run(|| ..))` counts a call once, when its last attempt failed.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// # use kysera::prelude::*;
/// use std::time::Duration;
///
/// use kysera::Error;
/// use kysera::error::BreakerError;
/// use kysera::infra::{Breaker, State, Trip};
/// # #[derive(Repository)]
/// # #[kysera(table = "users")]
/// # struct User { #[kysera(id)] id: i64 }
///
/// # let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// # db.raw_sql("CREATE TABLE users (id INTEGER PRIMARY KEY)").await?;
/// let breaker = Breaker::new(Trip::Consecutive(5), Duration::from_secs(30))?;
/// match breaker.run(|| async { User::repo(&db).count().await }).await {
///     Ok(users) => println!("{users} users"),
///     Err(Error::Breaker(BreakerError::Open { retry_after })) => println!("503, Retry-After: {}", retry_after.as_secs()),
///     Err(error) => return Err(error),
/// }
/// assert_eq!(breaker.state(), State::Closed);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
#[derive(Clone)]
pub struct Breaker {
    shared: Arc<Shared>,
    is_failure: Arc<dyn Fn(&Error) -> bool + Send + Sync>,
}

const FOR_EVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

struct Shared {
    pause: Duration,
    inner: Mutex<Inner>,
    /// Sent with the lock held, so that states are seen in their order.
    state: watch::Sender<State>,
}

struct Inner {
    phase: Phase,
    count: Count,
    /// Rises with every change of phase: what calls of an earlier one found out is out of date.
    epoch: u64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    Closed,
    /// `None`: until it is reset.
    Open(Option<Instant>),
    HalfOpen {
        trying: bool,
    },
}

impl Breaker {
    /// A closed one. `pause` is how long the database is left alone.
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`] for a trip that never or always happens: no failures, more failures than calls, no period, and for a
    /// pause of zero.
    pub fn new(trip: Trip, pause: Duration) -> Result<Self> {
        let count = Count::new(trip)?;
        if pause.is_zero() {
            return Err(Error::BadRequest(
                "a circuit breaker with a pause of zero leaves nobody alone: give it the seconds that a restart takes"
                    .into(),
            ));
        }
        let shared = Shared {
            // More would be too far away for an `Instant`.
            pause: pause.min(FOR_EVER),
            inner: Mutex::new(Inner { phase: Phase::Closed, count, epoch: 0 }),
            state: watch::Sender::new(State::Closed),
        };
        Ok(Self { shared: Arc::new(shared), is_failure: Arc::new(Error::is_outage) })
    }

    /// What counts as a failure; [`Error::is_outage`] by default. Concerns this handle and its clones.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use kysera::ErrorCode;
    /// use kysera::infra::{Breaker, Trip};
    ///
    /// let trip = Trip::Within { failures: 10, period: Duration::from_secs(60) };
    /// let breaker = Breaker::new(trip, Duration::from_secs(5))?
    ///     .failures(|error| error.is_outage() || error.code() == ErrorCode::Timeout);
    /// # Ok::<(), kysera::Error>(())
    /// ```
    #[must_use]
    pub fn failures(mut self, is_failure: impl Fn(&Error) -> bool + Send + Sync + 'static) -> Self {
        self.is_failure = Arc::new(is_failure);
        self
    }

    /// Runs `f`, if it may, and takes note of how it ends.
    ///
    /// # Errors
    ///
    /// Those of `f`, and [`Error::Breaker`], with which `f` was not called.
    pub fn run<T, F, Fut>(&self, f: F) -> impl Future<Output = Result<T>> + Send
    where
        T: Send,
        F: FnOnce() -> Fut + Send,
        Fut: Future<Output = Result<T>> + Send,
    {
        async move {
            let mut call = self.shared.enter()?;
            let result = f().await;
            call.end(result.as_ref().is_err_and(|error| (self.is_failure)(error)));
            result
        }
    }

    /// How it stands. Open ends with the first call after the pause, not with the pause.
    pub fn state(&self) -> State {
        *self.shared.state.borrow()
    }

    /// Tells of every change of the state; the newest only, if several come while nobody looks.
    pub fn watch(&self) -> watch::Receiver<State> {
        self.shared.state.subscribe()
    }

    /// Closes it, with nothing counted. What is still under way counts as nothing.
    pub fn reset(&self) {
        self.shared.turn(&mut self.shared.inner(), Phase::Closed);
    }

    /// Opens it until [`reset`](Self::reset): for maintenance, or because something else knows that the database is down. What is
    /// under way goes on.
    pub fn force_open(&self) {
        self.shared.turn(&mut self.shared.inner(), Phase::Open(None));
    }
}

impl Shared {
    /// Nothing in here panics with the lock held.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, inner: &mut Inner, phase: Phase) {
        inner.phase = phase;
        inner.epoch += 1;
        inner.count.clear();
        let state = match phase {
            Phase::Closed => State::Closed,
            Phase::Open(_) => State::Open,
            Phase::HalfOpen { .. } => State::HalfOpen,
        };
        // Who watches is told of changes, and opening by hand what is open is none.
        self.state.send_if_modified(|seen| std::mem::replace(seen, state) != state);
    }

    fn enter(&self) -> Result<Call<'_>> {
        let inner = &mut *self.inner();
        let refuse = |error| Err(Error::Breaker(error));
        match inner.phase {
            Phase::Closed => {}
            Phase::Open(None) => return refuse(BreakerError::Forced),
            Phase::Open(Some(until)) => {
                let retry_after = until.saturating_duration_since(Instant::now());
                if !retry_after.is_zero() {
                    return refuse(BreakerError::Open { retry_after });
                }
                self.turn(inner, Phase::HalfOpen { trying: true });
            }
            Phase::HalfOpen { trying: true } => return refuse(BreakerError::Trial),
            Phase::HalfOpen { trying: false } => inner.phase = Phase::HalfOpen { trying: true },
        }
        Ok(Call { shared: self, epoch: inner.epoch })
    }
}

/// A call that was let through.
struct Call<'a> {
    shared: &'a Shared,
    epoch: u64,
}

impl Call<'_> {
    fn end(&mut self, failed: bool) {
        let inner = &mut *self.shared.inner();
        if inner.epoch != self.epoch {
            return;
        }
        let now = Instant::now();
        let open = match inner.phase {
            Phase::Closed => inner.count.trips(failed, now),
            Phase::HalfOpen { .. } => failed,
            Phase::Open(_) => return,
        };
        if open {
            self.shared.turn(inner, Phase::Open(Some(now + self.shared.pause)));
        } else if inner.phase != Phase::Closed {
            self.shared.turn(inner, Phase::Closed);
        }
    }
}

impl Drop for Call<'_> {
    /// A trial that was dropped, or panicked, leaves the trial to the next call. Others have been counted, or count as nothing.
    fn drop(&mut self) {
        let inner = &mut *self.shared.inner();
        if inner.epoch == self.epoch && inner.phase == (Phase::HalfOpen { trying: true }) {
            inner.phase = Phase::HalfOpen { trying: false };
        }
    }
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker")
            .field("state", &self.state())
            .field("pause", &self.shared.pause)
            .finish_non_exhaustive()
    }
}
