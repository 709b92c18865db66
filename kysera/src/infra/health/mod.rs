mod monitor;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join, join_all};
pub use monitor::HealthMonitor;
use serde::{Serialize, Serializer};
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout};

use crate::backend::{Backend, Vitals};
use crate::error::{Error, Result};
use crate::source::{Db, Lease, Node, SourceGuard, no_runtime};

/// How a database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It answers in time.
    Healthy,
    /// It answers slowly, or one of its replicas is not healthy.
    Degraded,
    /// It answers much too slowly, or not at all.
    Unhealthy,
}

/// What a check of a database found; see [`Db::health`].
///
/// As JSON the durations are numbers, `latency_ms` and `lag_ms`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Health {
    /// The sum of it.
    pub status: Status,
    /// How long it took: from asking for a connection, which may have to be waited for or made first, to the answer.
    #[serde(rename = "latency_ms", serialize_with = "millis")]
    pub latency: Duration,
    /// The pool, as it was just before.
    pub pool: PoolFigures,
    /// What the server calls its version.
    pub version: Option<String>,
    /// The database's name. Of a file of SQLite it is the file's name without its folder; a database in memory has none.
    pub database: Option<String>,
    /// PostgreSQL: the server is a replica. `None` elsewhere, and on a primary.
    pub replica: Option<ReplicaHealth>,
    /// What went wrong, in words that have no values of rows and no passwords in them; they may name hosts, users and databases.
    pub errors: Vec<String>,
    /// The replicas that the `Db` reads from, in the order in which they were named. If one of them is not healthy the whole is degraded,
    /// and never worse: the database itself goes on. Left out of the JSON where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replicas: Vec<NodeHealth>,
}

/// How one replica of a database is. In the JSON the fields of its [`Health`] stand beside the name.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct NodeHealth {
    /// Its address, as in [`ReplicaMetrics`](crate::source::ReplicaMetrics).
    pub name: String,
    /// Whether it is read from. One that is left out is not asked, and is unhealthy for the reason for which it is left out.
    pub serves: bool,
    /// The rest.
    #[serde(flatten)]
    pub health: Health,
}

/// The connections of a pool at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PoolFigures {
    /// Those that are open.
    pub size: u32,
    /// The most that there may be.
    pub max: u32,
    /// Those that nobody uses.
    pub idle: u32,
    /// Those that somebody uses, or that are being cleaned.
    pub in_use: u32,
    /// Callers that wait for one.
    pub waiting: usize,
}

/// A server that repeats what another one does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ReplicaHealth {
    /// How long ago the last transaction was committed that it has repeated: `now() - pg_last_xact_replay_timestamp()`; zero if it is
    /// connected to its primary and has repeated everything that came. Of one that is not connected that is also the time since the last
    /// write. `None` if it does not tell.
    #[serde(rename = "lag_ms", serialize_with = "optional_millis")]
    pub lag: Option<Duration>,
}

fn millis<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64() * 1000.0)
}

fn optional_millis<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => millis(duration, serializer),
        None => serializer.serialize_none(),
    }
}

impl<DB: Backend, C: Send + Sync + 'static> Db<DB, C> {
    /// Asks the database how it is, by the defaults of [`HealthCheck`]. A failure is an answer as well.
    ///
    /// Replicas that the `Db` reads from are asked at the same time; see [`Health::replicas`].
    ///
    /// SQL: one statement that reads no table, such as `SELECT VERSION(), DATABASE()`; on a replica of PostgreSQL a second one.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> kysera::Result<()> {
    /// # use kysera::{Db, Sqlite};
    /// use kysera::infra::Status;
    ///
    /// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
    /// let health = db.health().await;
    /// let http = if health.status == Status::Unhealthy { 503 } else { 200 };
    /// let body = serde_json::to_string(&health).map_err(kysera::Error::other)?;
    /// # assert!(http == 200 && body.starts_with(r#"{"status":"healthy","latency_ms":"#), "{body}");
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "sqlite"))]
    /// # fn main() {}
    /// ```
    pub async fn health(&self) -> Health {
        HealthCheck::new().run(self).await
    }
}

/// What is healthy, and how long to wait.
///
/// | setting | default |
/// |---|---|
/// | [`thresholds`](Self::thresholds) | degraded from 100 ms on, unhealthy from 500 ms on |
/// | [`timeout`](Self::timeout) | 5 s |
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "nothing is asked until it is `run`"]
pub struct HealthCheck {
    degraded: Duration,
    unhealthy: Duration,
    timeout: Duration,
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self::new()
    }
}

impl HealthCheck {
    /// The defaults.
    pub const fn new() -> Self {
        Self {
            degraded: Duration::from_millis(100),
            unhealthy: Duration::from_millis(500),
            timeout: Duration::from_secs(5),
        }
    }

    /// From which latency on a database is degraded, and from which on unhealthy.
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`] if the first one is longer than the second one.
    pub fn thresholds(mut self, degraded: Duration, unhealthy: Duration) -> Result<Self> {
        if degraded > unhealthy {
            return Err(Error::BadRequest(
                format!("a database would be unhealthy from {unhealthy:?} on and merely degraded from {degraded:?} on: swap them").into(),
            ));
        }
        (self.degraded, self.unhealthy) = (degraded, unhealthy);
        Ok(self)
    }

    /// How long an answer is waited for, the wait for a connection included. A database without one is unhealthy.
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`] for zero.
    pub fn timeout(mut self, timeout: Duration) -> Result<Self> {
        if timeout.is_zero() {
            return Err(Error::BadRequest(
                "nothing answers within no time: wait longer for a health check".into(),
            ));
        }
        self.timeout = timeout;
        Ok(self)
    }

    /// Asks a database; see [`Db::health`].
    pub async fn run<DB: Backend, C: Send + Sync + 'static>(&self, db: &Db<DB, C>) -> Health {
        let whole = self.ask(figures(db), db.lease_at_leisure());
        let replicas = join_all(db.nodes().iter().map(|node| self.replica(node)));
        let (mut health, replicas) = join(whole, replicas).await;
        if health.status == Status::Healthy
            && replicas.iter().any(|node| node.health.status != Status::Healthy)
        {
            health.status = Status::Degraded;
        }
        health.replicas = replicas;
        health
    }

    async fn replica<DB: Backend>(&self, node: &Arc<Node<DB>>) -> NodeHealth {
        node.look();
        let known = node.metrics();
        let health = match known.left_out {
            None => self.ask(figures(&node.db), node.lease()).await,
            Some(why) => {
                let mut health = self.judge(Err(Error::other(why)), Duration::ZERO, figures(&node.db));
                health.replica = known.lag.map(|lag| ReplicaHealth { lag: Some(lag) });
                health
            }
        };
        NodeHealth { name: known.name, serves: node.metrics().left_out.is_none(), health }
    }

    async fn ask<DB: Backend>(
        &self,
        pool: PoolFigures,
        lease: impl Future<Output = Result<Lease<DB>>>,
    ) -> Health {
        let start = Instant::now();
        let answer = async {
            let mut lease = lease.await?;
            let answer = DB::vitals(&mut lease).await.map_err(Error::from);
            lease.settle(answer.as_ref().map(drop));
            answer
        };
        let answer = if Handle::try_current().is_ok() {
            timeout(self.timeout, answer).await.unwrap_or_else(|_| {
                Err(Error::other(format!("timed out: no answer within {:?}", self.timeout)))
            })
        } else {
            Err(no_runtime())
        };
        self.judge(answer, start.elapsed(), pool)
    }

    fn judge(&self, answer: Result<Vitals>, latency: Duration, pool: PoolFigures) -> Health {
        let (vitals, status, errors) = match answer {
            Ok(vitals) => (vitals, self.status(latency), Vec::new()),
            Err(error) => (Vitals::default(), Status::Unhealthy, vec![error.to_string()]),
        };
        let Vitals { version, database, replica } = vitals;
        let replica = replica.map(|lag| ReplicaHealth { lag });
        Health { status, latency, pool, version, database, replica, errors, replicas: Vec::new() }
    }

    fn status(&self, latency: Duration) -> Status {
        if latency >= self.unhealthy {
            Status::Unhealthy
        } else if latency >= self.degraded {
            Status::Degraded
        } else {
            Status::Healthy
        }
    }
}

pub(super) fn figures<DB: Backend, C: Send + Sync + 'static>(db: &Db<DB, C>) -> PoolFigures {
    let metrics = db.metrics();
    // Neither with sqlx nor with us is anybody using them.
    let idle = db.pool().num_idle() + metrics.idle;
    let idle = u32::try_from(idle).unwrap_or(u32::MAX).min(metrics.size);
    PoolFigures {
        size: metrics.size,
        max: metrics.max,
        idle,
        in_use: metrics.size - idle,
        waiting: metrics.waiters,
    }
}
