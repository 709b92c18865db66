use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::Pool;
use sqlx::pool::PoolOptions;

use super::SourceGuard;
use super::cache::is_alive;
use super::db::Db;
use super::policy::Policy;
use super::replicas::Replicas;
use super::verdict::Trust;
use crate::backend::{Backend, ConnectOptionsOf, Dialect, PgBouncer, SessionLimits};
use crate::error::Result;

const A_YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Configures a [`Db`]. One that has replicas as well begins with [`primary`](Self::primary).
///
/// | setting | default | reason |
/// |---|---|---|
/// | [`max_connections`](Self::max_connections) | 10; SQLite 5; in memory 1 | sqlx's; a SQLite file has one writer, and few readers keep a machine busy; a database in memory is its connection |
/// | [`min_connections`](Self::min_connections) | 0 | sqlx's |
/// | `max_lifetime`, `idle_timeout` | 30 min, 10 min; in memory none | sqlx's: servers behind proxies are rebalanced, and sessions do not grow for ever |
/// | `test_before_acquire` | off | a ping per statement is most of what a pool costs; see [`Policy::trust`] for what is done instead |
/// | [`policy`](Self::policy) | [`Policy::default`] | |
/// | `statement-cache-capacity` of the URL | 500; SQLite sqlx's 100 | each connection keeps so many statements prepared, and with sqlx's 100 a program of some tables has more: what is pushed out is prepared again, which is a round trip (on PostgreSQL two), and on MySQL what is sent next may wait 40 ms for an acknowledgement. Not more, because MySQL limits what all connections keep together (`max_prepared_stmt_count`, 16 382) |
/// | [`session_limits`](Self::session_limits) | [`SessionLimits::default`] | work that was abandoned ends by itself |
/// | [`pgbouncer`](DbBuilder::pgbouncer) | none | poolers in transaction mode differ, and the wrong guess answers other people's rows |
/// | SQLite | WAL, `synchronous = NORMAL`, `foreign_keys`, busy timeout 5 s, file created if missing (unless the URL names a `mode`), 256 rows buffered | readers and the writer do not block each other; NORMAL is safe with WAL; SQLite's own defaults ignore foreign keys and give up on a lock at once |
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// # use sqlx::Sqlite;
/// use std::time::Duration;
///
/// use kysera::Db;
///
/// let db = Db::<Sqlite>::builder()
///     .acquire_timeout(Duration::from_secs(3))
///     .connect("sqlite::memory:")
///     .await?;
/// assert_eq!(db.metrics().max, 1);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
#[derive(Debug)]
#[must_use = "`connect` makes the database"]
pub struct DbBuilder<DB: Backend> {
    pool: PoolOptions<DB>,
    max: Option<u32>,
    policy: Policy,
    session: Option<SessionLimits>,
    pub(super) pooler: Option<PgBouncer>,
}

impl<DB: Backend> DbBuilder<DB> {
    pub(super) fn new() -> Self {
        Self {
            pool: PoolOptions::new(),
            max: None,
            policy: Policy::default(),
            session: Some(SessionLimits::default()),
            pooler: None,
        }
    }

    /// The most connections there may be. A database in memory has one, whatever is asked for.
    pub fn max_connections(mut self, max: u32) -> Self {
        self.max = Some(max);
        self
    }

    /// How many connections are kept open although nobody needs them.
    pub fn min_connections(mut self, min: u32) -> Self {
        self.pool = self.pool.min_connections(min);
        self
    }

    /// How long a caller waits for a connection: [`Policy::acquire`].
    pub fn acquire_timeout(mut self, timeout: Duration) -> Self {
        self.policy.acquire = timeout;
        self
    }

    /// How connections are kept and lent.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// What the server limits for each session. `None` leaves sessions as the server makes them; so does
    /// [`pgbouncer`](DbBuilder::pgbouncer).
    pub fn session_limits(mut self, limits: impl Into<Option<SessionLimits>>) -> Self {
        self.session = limits.into();
        self
    }

    /// Connects to a URL.
    ///
    /// # Errors
    ///
    /// As [`connect_with`](Self::connect_with), and for a URL that cannot be read.
    pub async fn connect(self, url: &str) -> Result<Db<DB>> {
        let limits = self.limits().cloned();
        let options = self.options(url)?;
        let db = self.open(options, Replicas::none()).await?;
        refuse_pooler(&db, limits).await?;
        Ok(db)
    }

    /// Connects with options of sqlx's, which are used as they are: of kysera's defaults only those of the pool are
    /// added, and those of the [session](Self::session_limits) that are set after connecting.
    ///
    /// # Errors
    ///
    /// Failures of the first connection, which is made at once. A server that refuses connections is tried again for as
    /// long as callers wait for a connection.
    pub async fn connect_with(self, options: ConnectOptionsOf<DB>) -> Result<Db<DB>> {
        self.open(options, Replicas::none()).await
    }

    /// Takes a pool of your own; of the settings made here, the [policy](Self::policy) has an effect, and
    /// [`pgbouncer`](DbBuilder::pgbouncer), whose mode is not tried then: the options of the pool must fit it.
    pub fn build(self, pool: Pool<DB>) -> Db<DB> {
        Db::build(pool, self.policy, Arc::new(Trust::new()), Replicas::none()).pooled(self.pooler)
    }

    /// What is set for each session, where sessions are the server's.
    pub(super) fn limits(&self) -> Option<&SessionLimits> {
        self.session.as_ref().filter(|_| self.pooler.is_none())
    }

    pub(super) fn options(&self, url: &str) -> Result<ConnectOptionsOf<DB>> {
        Ok(DB::options(url, self.limits())?)
    }

    pub(super) async fn open(self, options: ConnectOptionsOf<DB>, replicas: Replicas<DB>) -> Result<Db<DB>> {
        let options = self.pooled(options);
        if let Some(mode) = self.pooler {
            DB::try_pooler(&options, mode).await?;
        }
        let trust = Arc::new(Trust::new());
        let (policy, pooler) = (self.policy.clone(), self.pooler);
        let pool = self.pool(&options, &trust).connect_with(options).await.map_err(DB::unconnected)?;
        Ok(Db::build(pool, policy, trust, replicas).pooled(pooler))
    }

    fn pooled(&self, options: ConnectOptionsOf<DB>) -> ConnectOptionsOf<DB> {
        match self.pooler {
            Some(mode) => DB::pooled(options, mode),
            None => options,
        }
    }

    /// A replica, which may be away.
    pub(super) fn lazily(self, options: ConnectOptionsOf<DB>) -> (Db<DB>, Arc<Trust>) {
        let trust = Arc::new(Trust::new());
        let options = self.pooled(options);
        let (policy, pooler) = (self.policy.clone(), self.pooler);
        // sqlx waits for a server that is away the longer between two attempts the more time it has. Callers wait for as long as ever.
        let patience = policy.acquire.min(Duration::from_secs(2));
        let pool = self.pool(&options, &trust).acquire_timeout(patience).connect_lazy_with(options);
        (Db::build(pool, policy, trust.clone(), Replicas::none()).pooled(pooler), trust)
    }

    fn pool(self, options: &ConnectOptionsOf<DB>, trust: &Arc<Trust>) -> PoolOptions<DB> {
        let limits = self.limits().cloned();
        let mut pool = self
            .pool
            .acquire_timeout(self.policy.acquire.min(A_YEAR)) // sqlx adds it to the time of day
            .test_before_acquire(false)
            .before_acquire(test::<DB>(trust.clone(), self.policy.trust));
        let default = if DB::DIALECT == Dialect::Sqlite { 5 } else { 10 };
        pool = pool.max_connections(self.max.unwrap_or(default));
        if DB::in_memory(options) {
            pool = pool.max_connections(1).max_lifetime(None).idle_timeout(None);
        }
        if let Some(limits) = limits {
            pool = pool.after_connect(move |conn, _| {
                let limits = limits.clone();
                Box::pin(async move { DB::connected(conn, &limits).await })
            });
        }
        pool
    }
}

// Derived, it would ask for a database that can be cloned.
impl<DB: Backend> Clone for DbBuilder<DB> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            max: self.max,
            policy: self.policy.clone(),
            session: self.session.clone(),
            pooler: self.pooler,
        }
    }
}

/// Without a mode that was asked for by name.
pub(super) async fn refuse_pooler<DB: Backend>(db: &Db<DB>, limits: Option<SessionLimits>) -> Result<()> {
    let Some(limits) = limits else { return Ok(()) };
    let mut lease = db.lease_at_leisure().await?;
    let direct = DB::try_direct(&mut lease, &limits).await;
    lease.settle(direct.as_ref().map(drop));
    direct
}

#[cfg(feature = "postgres")]
impl DbBuilder<sqlx::Postgres> {
    /// There is a [PgBouncer](PgBouncer) in transaction mode before the server. Without this, one is noticed when connecting to a URL
    /// (unless there are no [session limits](Self::session_limits)), and refused.
    ///
    /// Connecting then tries on two connections whether the pooler does what the mode asks of it: a few round trips, once.
    ///
    /// ```no_run
    /// use kysera::prelude::*;
    /// use kysera::source::PgBouncer;
    ///
    /// # async fn connect() -> kysera::Result<()> {
    /// let db = Db::<Postgres>::builder().pgbouncer(PgBouncer::Prepared).connect("postgres://pooler:6432/shop").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn pgbouncer(mut self, mode: PgBouncer) -> Self {
        self.pooler = Some(mode);
        self
    }
}

type Hook<'c> = futures_util::future::BoxFuture<'c, Result<bool, sqlx::Error>>;

/// A connection is pinged before its use if it was idle for long, or if another one failed since.
fn test<DB: Backend>(
    trust: Arc<Trust>,
    idle: Duration,
) -> impl for<'c> Fn(&'c mut DB::Connection, sqlx::pool::PoolConnectionMetadata) -> Hook<'c> + Send + Sync + 'static
{
    move |conn, metadata| {
        let used = Instant::now().checked_sub(metadata.idle_for);
        let suspect = metadata.idle_for > idle || used.is_none_or(|used| trust.suspects(used));
        Box::pin(async move { Ok(!suspect || is_alive::<DB>(conn).await) })
    }
}
