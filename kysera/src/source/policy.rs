use std::time::Duration;

/// How a [`Db`](super::Db) treats the connections that it holds.
///
/// Between two statements a `Db` keeps its connections checked out of sqlx's pool for a short while: the next
/// statement takes one without a ping, a task or sqlx's semaphore. These are the terms.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// How long a caller waits for a connection, and before that, to write to a file of SQLite, for its turn. Default 10 s: sqlx's 30 s outlive the patience of every client.
    pub acquire: Duration,
    /// A connection that nobody used for this long goes back to sqlx. Default 50 ms: enough for a busy service, and
    /// others who use [`Db::pool`](super::Db::pool) see the truth soon after.
    pub idle: Duration,
    /// How long a connection is kept in a row while sqlx's pool is exhausted, when others may be queueing there.
    /// Default 20 ms: they then wait about as long, and it costs one ping per connection in that time.
    pub turn: Duration,
    /// How long a connection is kept in a row at most. Default 60 s: sqlx looks at `max_lifetime` only when a
    /// connection comes back.
    pub hold: Duration,
    /// How long a connection whose future was dropped may take to come clean before it is closed. Default 1 s: longer
    /// than reading the rest of a large result, shorter than an outage. A database in memory, which would be gone with
    /// its connection, is waited for without end. Also how long a COMMIT that is on its way is waited for beyond a
    /// [deadline](super::Db::with_deadline).
    pub recover: Duration,
    /// A connection that sqlx kept idle for longer is pinged before its use, for 1 s at most. Default 5 s: routers and
    /// load balancers cut idle connections after minutes, and a ping per 5 s of silence costs nothing. Holds for pools
    /// that kysera made; a pool that was passed in keeps its own tests.
    pub trust: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            acquire: Duration::from_secs(10),
            idle: Duration::from_millis(50),
            turn: Duration::from_millis(20),
            hold: Duration::from_secs(60),
            recover: Duration::from_secs(1),
            trust: Duration::from_secs(5),
        }
    }
}

/// What a [`Db`](super::Db) is doing, at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Connections of sqlx's pool, in use or not.
    pub size: u32,
    /// The most that there may be.
    pub max: u32,
    /// Connections that the `Db` has taken out of sqlx's pool: in use, being cleaned, or kept for the next statement.
    pub held: usize,
    /// Those of them that wait for the next statement.
    pub idle: usize,
    /// Callers that wait for a connection, or on SQLite for their turn to write.
    pub waiters: usize,
    /// Transactions that are open: those that have a [`Tx`](super::Tx).
    pub transactions: usize,
    /// Connections that came clean after their future had been dropped, since the start.
    pub recovered: u64,
    /// Connections that were closed because they did not, or broke, since the start. Worth an alert when it rises.
    pub closed: u64,
    /// Statements that were stopped because a [deadline](super::Db::with_deadline) passed, since the start.
    pub stopped: u64,
    /// Connections that went back to sqlx because others may have been waiting there, or because they had been held
    /// for long, since the start.
    pub turned: u64,
}

/// What one replica of a [`Db`](super::Db) is doing, at one moment; see [`Db::replicas`](super::Db::replicas).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplicaMetrics {
    /// Its address, `host:port`, or on SQLite the name of its file.
    pub name: String,
    /// Why it is left out just now.
    pub left_out: Option<String>,
    /// How far it was behind when that was measured last: within the last second where it is read from, and only with
    /// [`max_lag`](super::ClusterBuilder::max_lag).
    pub lag: Option<Duration>,
    /// How many statements and transactions it was given, since the start.
    pub served: u64,
    /// Its pool.
    pub pool: Metrics,
}
