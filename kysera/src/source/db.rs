use std::borrow::Cow;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join;
use sqlx::{Pool, SqlSafeStr};

use super::begin::Begin;
use super::builder::DbBuilder;
use super::cache::Shared;
use super::conn::Conn;
use super::deadline::{Deadline, in_time, within};
use super::lease::Lease;
use super::node::Node;
use super::policy::{Metrics, Policy, ReplicaMetrics};
use super::replica::Replica;
use super::replicas::Replicas;
use super::session::{Session, Settings};
use super::tx::Tx;
use super::verdict::Trust;
use super::{Concurrent, Source, Writable};
use crate::backend::{Backend, PgBouncer};
use crate::error::{DeadlineStage, Result};

/// A database: sqlx's pool with kysera's way of lending connections, and a context.
///
/// Cheap to clone, and meant to be: all clones share one pool. `C` is who asks, `()` unless
/// [`with_context`](Self::with_context) says otherwise.
///
/// Every future of kysera may be dropped at any point. A connection that was in use then is cleaned in the background, or
/// closed where that is impossible, before anyone else gets it; see [`Policy::recover`].
///
/// A stream holds its connection until it is read to its end or dropped. With a pool of one, which a database in memory
/// always has, a statement within the loop over a stream therefore waits for [`Policy::acquire`] in vain: collect the
/// rows first, or run both in a transaction, which refuses at once.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// # use sqlx::Sqlite;
/// use kysera::Db;
///
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// db.transaction(|tx| async move {
///     sqlx::raw_sql("CREATE TABLE t (n INTEGER)").execute(&mut *tx.connection().await?).await?;
///     Ok(())
/// })
/// .await?;
/// let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM t").fetch_one(db.pool()).await?;
/// assert_eq!(rows, 0);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
pub struct Db<DB: Backend, C = ()> {
    shared: Arc<Shared<DB>>,
    session: Session<C>,
}

impl<DB: Backend> Db<DB> {
    /// Connects with kysera's defaults: those of [`DbBuilder`], [`Policy`] and
    /// [`SessionLimits`](super::SessionLimits).
    ///
    /// The first connection is made at once, so that a wrong address or password is found here.
    ///
    /// # Errors
    ///
    /// A URL that cannot be read, and failures to connect; a server that refuses connections is tried again for
    /// 10 s.
    pub async fn connect(url: &str) -> Result<Self> {
        Self::builder().connect(url).await
    }

    /// Configures one.
    pub fn builder() -> DbBuilder<DB> {
        DbBuilder::new()
    }

    /// Around a pool of your own, whose options and hooks go on working.
    pub fn new(pool: Pool<DB>) -> Self {
        Self::build(pool, Policy::default(), Arc::new(Trust::new()), Replicas::none())
    }

    pub(super) fn build(pool: Pool<DB>, policy: Policy, trust: Arc<Trust>, replicas: Replicas<DB>) -> Self {
        Self {
            shared: Arc::new(Shared::new(pool, policy, trust, replicas)),
            session: Session { context: Arc::new(()), settings: Arc::default() },
        }
    }

    /// Behind a pooler.
    pub(super) fn pooled(mut self, pooler: Option<PgBouncer>) -> Self {
        if pooler.is_some() {
            let settings = Settings { pooler, ..(*self.session.settings).clone() };
            self.session.settings = Arc::new(settings);
        }
        self
    }
}

impl<DB: Backend> From<Pool<DB>> for Db<DB> {
    fn from(pool: Pool<DB>) -> Self {
        Self::new(pool)
    }
}

impl<DB: Backend, C> Clone for Db<DB, C> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), session: self.session.clone() }
    }
}

#[cfg(feature = "postgres")]
impl<C: crate::expr::Claims> Db<sqlx::Postgres, C> {
    /// The same database, whose transactions tell PostgreSQL who asks, for [native policies](crate::rls::native): each begins with
    /// `SELECT set_config('app.tenant_id', .., TRUE), ..` of the context's [claims](crate::rls::Claims), one more round trip.
    ///
    /// What is not in a transaction knows nothing of it, so kysera's own statements open one each; streams are refused outside of a
    /// transaction, and SQL of your own sees nothing there. [`with_context`](Self::with_context) ends it: call this one afterwards.
    #[must_use]
    pub fn with_claims(self) -> Self {
        Self { session: self.session.with_claims(), shared: self.shared }
    }
}

impl<DB: Backend, C: Send + Sync + 'static> Db<DB, C> {
    /// The same database on behalf of someone: repositories built on the result, and its transactions, see the
    /// context. `db.clone().with_context(..)` where the first is still needed.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> kysera::Result<()> {
    /// # use sqlx::Sqlite;
    /// use kysera::{Db, Source};
    ///
    /// struct Principal {
    ///     user: i64,
    /// }
    ///
    /// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
    /// let session = db.clone().with_context(Principal { user: 7 });
    /// assert_eq!(session.begin().await?.context().user, 7);
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "sqlite"))]
    /// # fn main() {}
    /// ```
    #[must_use]
    pub fn with_context<D: Send + Sync + 'static>(self, context: D) -> Db<DB, D> {
        Db { shared: self.shared, session: self.session.with_context(context) }
    }

    /// The same database with its tables in a schema of this name: schema per tenant. Every statement of a repository
    /// and of its queries then names `"tenant_7"."users"`; connections and transactions of the result inherit that.
    ///
    /// A struct that names a schema of its own, `#[kysera(schema = "shared")]`, stays there: that is how tables are
    /// shared by all tenants. SQL of your own is left as it is. On MySQL a schema is a database; on SQLite it is one that
    /// is attached to the connection, so attach it to every connection of the pool (in `after_connect`).
    ///
    /// Nothing is sent, and whether there is such a schema is seen by the first statement. Any schema that the account may
    /// reach can be named, `information_schema` among them: make the name of what you know of the tenant, such as its id,
    /// instead of taking it from a request. Each tenant has statements of its own in the statement cache of a connection.
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`](crate::Error::BadRequest) unless the name is a letter or `_`, then letters, digits, `_` and
    /// `$`, of 63 bytes at most.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> kysera::Result<()> {
    /// use kysera::prelude::*;
    ///
    /// #[derive(Repository)]
    /// #[kysera(table = "users")]
    /// struct User {
    ///     #[kysera(id)]
    ///     id: i64,
    ///     name: String,
    /// }
    ///
    /// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
    /// db.raw_sql(
    ///     "ATTACH ':memory:' AS tenant_7;
    ///     CREATE TABLE tenant_7.users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)",
    /// )
    /// .await?;
    ///
    /// let tenant = db.in_schema("tenant_7")?;
    /// User::repo(&tenant).create(NewUser { name: "Ada".into() }).await?;
    /// assert_eq!(User::repo(&tenant).count().await?, 1);
    /// assert!(db.in_schema("tenant_7; DROP TABLE users").is_err());
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "sqlite"))]
    /// # fn main() {}
    /// ```
    pub fn in_schema(&self, name: &str) -> Result<Self> {
        Ok(Self { shared: self.shared.clone(), session: self.session.in_schema(name)? })
    }

    /// The same database with nobody's rights but the system's: no [policy](crate::rls) concerns it. `reason` says why, for whoever
    /// reads the code, its traces (an event of level INFO and target `kysera::rls`), or the audit log.
    #[must_use]
    pub fn unrestricted(&self, reason: impl Into<Cow<'static, str>>) -> Db<DB, System> {
        self.clone().with_context(System::because(reason.into()))
    }

    /// The same database, whose keyset pages have cursors that are signed or sealed, and which takes no others. Its
    /// transactions and connections inherit it.
    ///
    /// Without a secret a cursor is readable: the client sees the values of the columns that the pages are ordered by, and
    /// can ask for pages from values of its own choice. A signed one cannot be forged, a sealed one not read either.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> kysera::Result<()> {
    /// # use sqlx::Sqlite;
    /// use kysera::{CursorSecret, Db};
    ///
    /// # let from_configuration = [7; 32];
    /// let secret = CursorSecret::signed(from_configuration)?;
    /// let db = Db::<Sqlite>::connect("sqlite::memory:").await?.with_cursor_secret(secret);
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "sqlite"))]
    /// # fn main() {}
    /// ```
    #[cfg(feature = "signed-cursors")]
    #[must_use]
    pub fn with_cursor_secret(mut self, secret: crate::CursorSecret) -> Self {
        let settings = Settings { cursor_secret: Some(secret), ..(*self.session.settings).clone() };
        self.session.settings = Arc::new(settings);
        self
    }

    /// The same database by another clock: the one that the plugins `timestamps`, `soft_delete` and `audit` take the time
    /// from, and [rules](crate::rls::Rules::include_while) that hold at times. Its transactions and connections inherit it. See [`Clock`](crate::Clock) for an example.
    #[must_use]
    pub fn with_clock(mut self, clock: crate::Clock) -> Self {
        let settings = Settings { clock, ..(*self.session.settings).clone() };
        self.session.settings = Arc::new(settings);
        self
    }

    /// The same database, for work that must have ended in so much time from now: a moment, as a request has one, and not a
    /// time for each statement. Its transactions, connections and sessions inherit the moment; of several deadlines the
    /// first one counts.
    ///
    /// What has not ended by then ends with [`Error::Deadline`](crate::Error::Deadline), at once: the wait for a connection and
    /// for one's turn on it, BEGIN, every statement, each row of a stream. What is called later is refused before anything is
    /// sent. The error says which of these it was; outside of a transaction, a write that was in flight may have happened.
    ///
    /// In a transaction, the statement that meets the deadline is its last one: it is rolled back in the background. COMMIT is not sent
    /// after the deadline. One that is on its way is waited for as long as [`Policy::recover`] beyond it, and is
    /// [unknown](crate::error::TransactionError::OutcomeUnknown) then. The closure of [`transaction`](Self::transaction) is not interrupted
    /// where it does something else; its next statement is refused.
    ///
    /// A statement that is in flight does not go on for nobody:
    ///
    /// | | what is done in the background | then |
    /// |---|---|---|
    /// | PostgreSQL | `pg_cancel_backend`, on a connection beside the pool's | the connection is used again |
    /// | MySQL, MariaDB | `KILL`, likewise | the connection is closed, because it cannot be used again |
    /// | SQLite | the connection's progress handler stops it | the connection is used again |
    /// | behind [PgBouncer](super::PgBouncer) | nothing | the connection is used again once the statement has ended, or closed after [`Policy::recover`] |
    ///
    /// There is at most one connection beside the pool's, for as long as it is needed; where none can be had, the statement ends by the
    /// [limits of the session](super::SessionLimits). SQLite does not stop while it waits for a lock, which is its busy timeout, and a
    /// progress handler of your own is replaced. To know the server's name for a session is one more round trip each time that a
    /// connection comes out of sqlx's pool and is used with a deadline, not for each statement. Without a deadline nothing is different.
    ///
    /// SQL of your own on a [`connection`](Conn::connection) is not interrupted, [`health`](Self::health) has a time of its own, and
    /// neither has `close`. [`Retry`](crate::infra::Retry) does not begin a pause of a transaction that would end after the deadline.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> kysera::Result<()> {
    /// # use sqlx::Sqlite;
    /// use std::time::Duration;
    ///
    /// use kysera::{Db, Error, ErrorCode};
    ///
    /// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
    /// let request = db.clone().with_deadline(Duration::from_millis(20));
    /// let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n";
    /// let late = request.raw_sql(endless).await.unwrap_err();
    /// assert!(matches!(late, Error::Deadline(_)) && late.code() == ErrorCode::Timeout);
    /// assert!(request.acquire().await.is_err(), "it is over");
    /// assert!(db.acquire().await.is_ok());
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "sqlite"))]
    /// # fn main() {}
    /// ```
    #[must_use]
    pub fn with_deadline(mut self, within: Duration) -> Self {
        if let Some(deadline) = Deadline::after(within, self.shared.recover) {
            let deadline = deadline.or_sooner(self.session.settings.deadline);
            let settings = Settings { deadline: Some(deadline), ..(*self.session.settings).clone() };
            self.session.settings = Arc::new(settings);
        }
        self
    }

    /// The same database, with someone who is told of every statement: of the result, its transactions and connections. Several
    /// may be, one call each. See [`observe`](crate::observe) for an example and for those that kysera has.
    #[must_use]
    pub fn observed_by(self, observer: Arc<dyn crate::observe::Observer>) -> Self {
        Self { session: self.session.observed_by(observer), shared: self.shared }
    }

    /// The context.
    pub fn context(&self) -> &C {
        &self.session.context
    }

    /// sqlx's pool, for everything that sqlx does with one. Connections that the `Db` holds between two statements count
    /// as in use there; under load they are handed over within [`Policy::turn`].
    pub fn pool(&self) -> &Pool<DB> {
        &self.shared.pool
    }

    /// The replicas, to read from: see [`Replica`]. A database without any, which was not made by [`DbBuilder::primary`], is read
    /// itself.
    ///
    /// The result is on behalf of whom this `Db` is: `db.with_context(..).replica()`.
    pub fn replica(&self) -> Replica<DB, C> {
        Replica::new(self.clone())
    }

    /// What the replicas are doing, in the order in which they were named.
    pub fn replicas(&self) -> Vec<ReplicaMetrics> {
        self.shared.replicas.metrics()
    }

    /// What is going on. Of the replicas see [`replicas`](Self::replicas).
    pub fn metrics(&self) -> Metrics {
        self.shared.metrics()
    }

    /// One connection for several statements.
    ///
    /// # Errors
    ///
    /// [`PoolError`](crate::error::PoolError), and failures to connect.
    pub async fn acquire(&self) -> Result<Conn<DB, C>> {
        let lease = self.lease().await?;
        Ok(Conn::new(lease, self.session.clone()))
    }

    /// Configures and begins a transaction: `db.begin().isolation(..).run(|tx| async move { .. }).await?`, or
    /// `db.begin().await?` for a [`Tx`] that is ended by hand.
    #[track_caller]
    pub fn begin(&self) -> Begin<'_, DB, C> {
        Begin::new(self)
    }

    /// Runs `f` in a transaction: committed if it answers `Ok`, rolled back if it answers `Err`, which is then answered
    /// here. Errors of your own are carried by [`Error::other`](crate::Error::other).
    ///
    /// `f` gets the [`Tx`] by value: `|tx| async move { .. }`, or `async |tx| { .. }`. If the future is dropped the
    /// transaction is rolled back, unless COMMIT was on its way already: then its outcome is unknown. `f` may also end
    /// the transaction by itself, with [`Tx::commit`] or [`Tx::rollback`]; its result is then answered as it is.
    ///
    /// SQL: `BEGIN` (`BEGIN IMMEDIATE` on SQLite), then `COMMIT` or `ROLLBACK`.
    ///
    /// # Errors
    ///
    /// Those of `f`, of BEGIN, and those of [`Tx::commit`].
    #[track_caller]
    pub fn transaction<T, F, Fut>(&self, f: F) -> impl Future<Output = Result<T>> + Send
    where
        T: Send,
        F: FnOnce(Tx<DB, C>) -> Fut + Send,
        Fut: Future<Output = Result<T>> + Send,
    {
        self.begin().run(f)
    }

    /// Runs SQL as it stands, without arguments and unprepared; several statements are separated by semicolons. For
    /// schemas and scripts; `&'static str` only, or sqlx's `AssertSqlSafe`.
    ///
    /// All of it runs on one connection, which is rolled back and checked before anyone else gets it, as after
    /// [`Conn::connection`]: a transaction that the SQL leaves open does not survive.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub async fn raw_sql(&self, sql: impl SqlSafeStr) -> Result<()> {
        let sql = sql.into_sql_str();
        let conn = Conn::new(self.lease_to_write().await?, self.session.clone());
        let mut raw = conn.connection().await?;
        let end = within(self.deadline(), pin!(DB::raw(&mut raw, sql))).await;
        match end {
            Ok(result) => Ok(result?),
            Err(deadline) => {
                raw.give_up();
                Err(deadline.error(DeadlineStage::Running))
            }
        }
    }

    /// Closes the pool, and those of the replicas, and waits until every connection came back. Whoever waits for one is told
    /// [`Closed`](crate::error::PoolError::Closed). With a deadline: [`Shutdown`](crate::infra::Shutdown).
    pub async fn close(&self) {
        join(self.shared.close(), self.shared.replicas.close()).await;
    }

    pub(crate) fn begin_shutdown(&self) {
        self.shared.begin_shutdown();
        self.shared.replicas.begin_shutdown();
    }

    pub(super) fn replica_set(&self) -> &Replicas<DB> {
        &self.shared.replicas
    }

    /// The replicas, one by one.
    pub(crate) fn nodes(&self) -> &[Arc<Node<DB>>] {
        self.shared.replicas.nodes()
    }

    pub(crate) fn is_shutting_down(&self) -> bool {
        self.shared.is_shutting_down()
    }

    pub(super) async fn lease(&self) -> Result<Lease<DB>> {
        self.in_time(self.lease_at_leisure()).await
    }

    /// The same for what may write: waits for its turn where one connection writes at a time.
    pub(super) async fn lease_to_write(&self) -> Result<Lease<DB>> {
        if !self.shared.writers_queue() {
            return self.lease().await;
        }
        in_time(self.deadline())?;
        let late = |deadline: Deadline| Err(deadline.error(DeadlineStage::Turn));
        let turn = within(self.deadline(), pin!(self.shared.turn())).await.unwrap_or_else(late)?;
        let mut lease = self.lease().await?;
        lease.writes(turn);
        Ok(lease)
    }

    /// Waits for a connection until the deadline, and lends it until then.
    pub(super) async fn in_time(
        &self,
        lease: impl Future<Output = Result<Lease<DB>>> + Send,
    ) -> Result<Lease<DB>> {
        let Some(deadline) = self.deadline() else { return lease.await };
        in_time(Some(deadline))?;
        let lease = pin!(async {
            let mut lease = lease.await?;
            lease.limit(deadline, self.pooler().is_none()).await?;
            Ok(lease)
        });
        let late = |deadline: Deadline| Err(deadline.error(DeadlineStage::Connection));
        within(Some(deadline), lease).await.unwrap_or_else(late)
    }

    /// Without a deadline: for what asks how the database is.
    pub(crate) async fn lease_at_leisure(&self) -> Result<Lease<DB>> {
        self.shared.acquire().await
    }

    pub(crate) fn pooler(&self) -> Option<PgBouncer> {
        self.session.settings.pooler
    }

    pub(crate) fn deadline(&self) -> Option<Deadline> {
        self.session.settings.deadline
    }

    pub(super) fn session(&self) -> Session<C> {
        self.session.clone()
    }
}

impl<DB: Backend, C: Send + Sync + 'static> Source for Db<DB, C> {
    type Database = DB;
    type Context = C;
    type Guard<'a> = Lease<DB>;

    fn acquire(&self) -> impl Future<Output = Result<Self::Guard<'_>>> + Send {
        self.lease()
    }

    fn acquire_to_write(&self) -> impl Future<Output = Result<Self::Guard<'_>>> + Send {
        self.lease_to_write()
    }

    fn context(&self) -> &C {
        &self.session.context
    }

    fn settings(&self) -> &Settings {
        &self.session.settings
    }
}

impl<DB: Backend, C: Send + Sync + 'static> Writable for Db<DB, C> {}
impl<DB: Backend, C: Send + Sync + 'static> Concurrent for Db<DB, C> {}

impl<DB: Backend, C> std::fmt::Debug for Db<DB, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Db").field("metrics", &self.shared.metrics()).finish_non_exhaustive()
    }
}

/// The context of [`Db::unrestricted`]: the program itself, on behalf of nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct System {
    reason: Cow<'static, str>,
}

impl System {
    /// Leaves a trace of why.
    pub(super) fn because(reason: Cow<'static, str>) -> Self {
        tracing::event!(target: "kysera::rls", tracing::Level::INFO, reason = &*reason, "unrestricted");
        Self { reason }
    }
}

impl crate::Actor for System {
    fn actor(&self) -> Option<Cow<'_, str>> {
        None
    }

    fn metadata(&self) -> Option<serde_json::Value> {
        Some(serde_json::json!({ "reason": self.reason }))
    }
}

impl System {
    /// Why.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}
