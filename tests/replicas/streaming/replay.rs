//! The replica repeats for all tests, and stands still for all of them.

use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection};

/// Replay, which some tests stop: they have the replica for themselves, whatever process they are of.
pub struct Replay {
    /// Holds an advisory lock of the primary; the lock goes with it.
    _lock: PgConnection,
    alone: bool,
}

/// A number that nobody else locks.
const KEY: i64 = 0x6b79_7365_7261;

async fn connect(url: &str) -> PgConnection {
    let options = PgConnectOptions::from_str(url).unwrap();
    PgConnection::connect_with(&options)
        .await
        .unwrap_or_else(|error| panic!("no PostgreSQL at {url}: {error}"))
}

async fn on_replica(sql: &'static str) {
    let mut conn = connect(&super::replica_url()).await;
    sqlx::raw_sql(sql).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

impl Replay {
    /// It goes on for as long as this is held.
    pub async fn shared() -> Self {
        Self::lock("pg_advisory_lock_shared", false).await
    }

    /// It can be stopped.
    pub async fn alone() -> Self {
        Self::lock("pg_advisory_lock", true).await
    }

    async fn lock(function: &str, alone: bool) -> Self {
        let url = std::env::var("KYSERA_POSTGRES_URL").unwrap();
        let mut lock = connect(&url).await;
        let sql = format!("SELECT {function}({KEY})");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut lock).await.unwrap();
        // Of a process that was killed.
        on_replica("SELECT pg_wal_replay_resume()").await;
        Self { _lock: lock, alone }
    }

    /// Stops it, and waits until it stands still.
    pub async fn pause(&self) {
        assert!(self.alone);
        let mut conn = connect(&super::replica_url()).await;
        sqlx::raw_sql("SELECT pg_wal_replay_pause()").execute(&mut conn).await.unwrap();
        // Before version 14 it is not told whether it stands already.
        let state = "SELECT pg_get_wal_replay_pause_state()";
        while sqlx::query_scalar::<_, String>(state).fetch_one(&mut conn).await.unwrap() != "paused" {
            tokio::task::yield_now().await;
        }
        conn.close().await.unwrap();
    }

    pub async fn resume(&self) {
        on_replica("SELECT pg_wal_replay_resume()").await;
    }
}

impl Drop for Replay {
    /// Also after a panic, and before the lock goes.
    fn drop(&mut self) {
        if self.alone {
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    runtime.block_on(on_replica("SELECT pg_wal_replay_resume()"));
                });
            });
        }
    }
}
