use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::{Health, HealthCheck};
use crate::backend::Backend;
use crate::error::{Error, Result};
use crate::source::Db;

/// Checks a database again and again, in a task of its own, which ends when this is dropped.
///
/// The first check begins at once, and each one begins so long after the one before began, or when that has ended if it took longer.
/// Changes of the status leave `tracing` events of target `kysera::health`: WARN, and INFO when the database is healthy again.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// # use kysera::{Db, Sqlite};
/// use std::time::Duration;
///
/// use kysera::infra::{HealthCheck, HealthMonitor, Status};
///
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// let monitor = HealthMonitor::start(&db, HealthCheck::new(), Duration::from_secs(30))?;
/// let mut checks = monitor.watch();
/// if let Ok(health) = checks.wait_for(Option::is_some).await {
///     assert_eq!(health.as_ref().map(|health| health.status), Some(Status::Healthy));
/// }
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
#[derive(Debug)]
#[must_use = "dropping it ends the checks"]
pub struct HealthMonitor {
    task: AbortHandle,
    checks: watch::Receiver<Option<Health>>,
}

impl HealthMonitor {
    /// Begins. The database stays open as long as it is watched, unless it is [closed](Db::close), which is then what the checks
    /// find.
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`] for an interval of zero, and outside of a tokio runtime.
    pub fn start<DB: Backend, C: Send + Sync + 'static>(
        db: &Db<DB, C>,
        check: HealthCheck,
        every: Duration,
    ) -> Result<Self> {
        if every.is_zero() {
            return Err(Error::BadRequest(
                "checks without an interval would be all that the database does: give a health monitor some seconds"
                    .into(),
            ));
        }
        let Ok(runtime) = Handle::try_current() else {
            return Err(Error::BadRequest(
                "a health monitor works within a tokio runtime, and there is none here".into(),
            ));
        };
        let db = db.clone();
        let (sender, checks) = watch::channel(None);
        let task = runtime.spawn(async move {
            let mut ticks = interval(every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let health = check.run(&db).await;
                let before = sender.send_replace(Some(health.clone()));
                tell(before.as_ref(), &health);
            }
        });
        Ok(Self { task: task.abort_handle(), checks })
    }

    /// What the last check found; `None` before the first one has ended.
    pub fn latest(&self) -> Option<Health> {
        self.checks.borrow().clone()
    }

    /// Tells of every check, of the newest if nobody looks for a while. Closed when the monitor is dropped.
    pub fn watch(&self) -> watch::Receiver<Option<Health>> {
        self.checks.clone()
    }
}

impl Drop for HealthMonitor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn tell(before: Option<&Health>, health: &Health) {
    use super::Status;
    // One that is healthy from the start is no news.
    let before = before.map_or(Status::Healthy, |before| before.status);
    if before == health.status {
        return;
    }
    let latency_ms = u64::try_from(health.latency.as_millis()).unwrap_or(u64::MAX);
    let of_replicas = health.replicas.iter().flat_map(|node| &node.health.errors);
    let error = health.errors.iter().chain(of_replicas).next().map(String::as_str);
    match health.status {
        Status::Healthy => tracing::event!(
            target: "kysera::health", tracing::Level::INFO, latency_ms, "the database is healthy again"
        ),
        Status::Degraded => tracing::event!(
            target: "kysera::health", tracing::Level::WARN, latency_ms, error, "the database is degraded"
        ),
        Status::Unhealthy => tracing::event!(
            target: "kysera::health", tracing::Level::WARN, latency_ms, error, "the database is unhealthy"
        ),
    }
}
