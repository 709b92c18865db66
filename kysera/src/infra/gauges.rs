use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::backend::Backend;
use crate::error::{Error, Result};
use crate::source::{Db, Metrics};

/// Publishes what a pool does with the crate `metrics`, again and again, in a task of its own, which ends when this is dropped. Needs
/// the feature `metrics`. Statements are [`Metered`](crate::observe::Metered)'s to publish.
///
/// | name | kind | labels besides `db.client.connection.pool.name` |
/// |---|---|---|
/// | `db.client.connection.count` | gauge | `db.client.connection.state`: `used`, `idle` |
/// | `db.client.connection.max` | gauge | |
/// | `db.client.connection.pending_requests` | gauge | |
/// | `kysera.pool.transactions` | gauge | |
/// | `kysera.pool.recovered`, `kysera.pool.closed`, `kysera.pool.turned` | counter | |
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// # use kysera::{Db, Sqlite};
/// use std::time::Duration;
///
/// use kysera::infra::PoolGauges;
///
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// let _gauges = PoolGauges::start(&db, "main", Duration::from_secs(5))?;
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
#[derive(Debug)]
#[must_use = "dropping it ends the publishing"]
pub struct PoolGauges {
    task: AbortHandle,
}

impl PoolGauges {
    /// Begins. `pool` is the name of the pool in the labels.
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`] for an interval of zero, and outside of a tokio runtime.
    pub fn start<DB: Backend, C: Send + Sync + 'static>(
        db: &Db<DB, C>,
        pool: impl Into<String>,
        every: Duration,
    ) -> Result<Self> {
        if every.is_zero() {
            return Err(Error::BadRequest("gauges are published at an interval: give some seconds".into()));
        }
        let Ok(runtime) = Handle::try_current() else {
            return Err(Error::BadRequest(
                "gauges are published within a tokio runtime, and there is none here".into(),
            ));
        };
        let (db, pool) = (db.clone(), pool.into());
        let task = runtime.spawn(async move {
            let mut ticks = interval(every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                Self::publish(&db.metrics(), &pool);
            }
        });
        Ok(Self { task: task.abort_handle() })
    }

    /// Publishes once: for those who are asked, as by a scrape.
    pub fn publish(metrics: &Metrics, pool: &str) {
        const POOL: &str = "db.client.connection.pool.name";
        let gauge = |name: &'static str, value: usize| {
            metrics::gauge!(name, POOL => pool.to_owned()).set(value as f64);
        };
        let state = |state: &'static str, value: usize| {
            metrics::gauge!(
                "db.client.connection.count",
                POOL => pool.to_owned(),
                "db.client.connection.state" => state,
            )
            .set(value as f64);
        };
        let counter = |name: &'static str, value: u64| {
            metrics::counter!(name, POOL => pool.to_owned()).absolute(value);
        };
        let size = usize::try_from(metrics.size).unwrap_or(usize::MAX);
        let used = metrics.held.saturating_sub(metrics.idle);
        state("used", used);
        state("idle", size.saturating_sub(used));
        gauge("db.client.connection.max", usize::try_from(metrics.max).unwrap_or(usize::MAX));
        gauge("db.client.connection.pending_requests", metrics.waiters);
        gauge("kysera.pool.transactions", metrics.transactions);
        counter("kysera.pool.recovered", metrics.recovered);
        counter("kysera.pool.closed", metrics.closed);
        counter("kysera.pool.turned", metrics.turned);
    }
}

impl Drop for PoolGauges {
    fn drop(&mut self) {
        self.task.abort();
    }
}
