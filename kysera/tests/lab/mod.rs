//! What the tests of sources share: a table per test on every backend that is switched on.
#![allow(
    missing_docs,
    clippy::manual_async_fn,
    dead_code,
    unused_macros,
    unused_imports,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used
)]

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use kysera::backend::Statement;
use kysera::source::{DbBuilder, SourceGuard};
use kysera::{Backend, Db, Error, Result, Source};
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

pub fn text(sql: impl Into<String>) -> SqlStr {
    AssertSqlSafe(sql.into()).into_sql_str()
}

/// A database under test.
pub trait Lab: Backend {
    fn url(name: &str) -> String;
    /// A statement that answers one number after about `ms` milliseconds.
    fn slow(ms: u32) -> String;
    /// Fails, or waits, if any transaction on the table is open.
    fn lock(table: &str) -> Vec<String>;
    fn forget(name: &str);
    fn number(row: &Self::Row) -> i64;
}

#[cfg(all(feature = "postgres", feature = "_servers"))]
impl Lab for sqlx::Postgres {
    fn url(name: &str) -> String {
        let url =
            std::env::var("KYSERA_POSTGRES_URL").expect("KYSERA_POSTGRES_URL names the server to test on");
        let glue = if url.contains('?') { '&' } else { '?' };
        format!("{url}{glue}application_name={name}")
    }
    fn slow(ms: u32) -> String {
        format!("SELECT 1::bigint FROM pg_sleep({})", f64::from(ms) / 1000.0)
    }
    fn lock(table: &str) -> Vec<String> {
        vec![format!("DO $$ BEGIN LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE NOWAIT; END $$")]
    }
    fn forget(_: &str) {}
    fn number(row: &Self::Row) -> i64 {
        Self::cell(row, 0, false).unwrap()
    }
}

#[cfg(all(feature = "mysql", feature = "_servers"))]
impl Lab for sqlx::MySql {
    fn url(_: &str) -> String {
        std::env::var("KYSERA_MYSQL_URL").expect("KYSERA_MYSQL_URL names the server to test on")
    }
    fn slow(ms: u32) -> String {
        format!("SELECT CAST(1 + SLEEP({}) AS SIGNED)", f64::from(ms) / 1000.0)
    }
    fn lock(table: &str) -> Vec<String> {
        vec![
            "SET SESSION lock_wait_timeout = 1".into(),
            format!("LOCK TABLES {table} WRITE"),
            "UNLOCK TABLES".into(),
        ]
    }
    fn forget(_: &str) {}
    fn number(row: &Self::Row) -> i64 {
        Self::cell(row, 0, false).unwrap()
    }
}

#[cfg(feature = "sqlite")]
impl Lab for sqlx::Sqlite {
    fn url(name: &str) -> String {
        format!("sqlite://{}/{name}.db", std::env::temp_dir().display())
    }
    fn slow(ms: u32) -> String {
        let n = ms * 4000;
        format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {n}) SELECT count(*) * 0 + 1 FROM n"
        )
    }
    fn lock(_: &str) -> Vec<String> {
        vec!["BEGIN IMMEDIATE; COMMIT".into()]
    }
    fn forget(name: &str) {
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(std::env::temp_dir().join(format!("{name}.db{end}")));
        }
    }
    fn number(row: &Self::Row) -> i64 {
        Self::cell(row, 0, false).unwrap()
    }
}

/// A pool with a table of its own: `id BIGINT PRIMARY KEY, name TEXT`, rows 1 to 3.
pub struct Bench<DB: Lab> {
    pub db: Db<DB>,
    pub table: String,
}

impl<DB: Lab> Bench<DB> {
    pub async fn new(max: u32) -> Self {
        Self::with(Db::<DB>::builder().max_connections(max)).await
    }

    pub async fn with(builder: DbBuilder<DB>) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let table = format!("kysera_lab_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        DB::forget(&table);
        let db = builder.connect(&DB::url(&table)).await.unwrap();
        let bench = Self { db, table };
        let t = &bench.table;
        exec(&bench.db, format!("CREATE TABLE {t} (id BIGINT PRIMARY KEY, name VARCHAR(50))")).await.unwrap();
        exec(&bench.db, format!("INSERT INTO {t} VALUES (1, 'a'), (2, 'b'), (3, 'c')")).await.unwrap();
        bench
    }

    pub fn insert(&self, id: i64) -> String {
        format!("INSERT INTO {} VALUES ({id}, 'n')", self.table)
    }

    pub fn count(&self) -> String {
        format!("SELECT count(*) FROM {}", self.table)
    }

    pub async fn rows(&self) -> i64 {
        number(&self.db, self.count()).await.unwrap()
    }

    /// No transaction is open, every connection can be had at once, and none is lost.
    pub async fn is_clean(&self) {
        until("everything comes back", || {
            let m = self.db.metrics();
            m.held == m.idle && m.waiters == 0
        })
        .await;
        // A server notices a closed socket in its own time.
        let start = Instant::now();
        while let Err(error) = self.lock().await {
            assert!(start.elapsed() < Duration::from_secs(10), "a transaction is open: {error:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let mut all = Vec::new();
        for _ in 0..self.db.metrics().max {
            all.push(self.db.acquire().await.unwrap());
        }
        for conn in &all {
            assert_eq!(number(conn, "SELECT 42".into()).await.unwrap(), 42);
        }
        drop(all);
        until("the cache empties", || self.db.metrics().held == 0).await;
    }

    async fn lock(&self) -> Result<()> {
        let conn = self.db.acquire().await?;
        for sql in DB::lock(&self.table) {
            exec(&conn, sql).await?;
        }
        Ok(())
    }

    pub async fn done(self) {
        let conn = self.db.acquire().await.unwrap();
        exec(&conn, format!("DROP TABLE {}", self.table)).await.unwrap();
        drop(conn);
        self.db.close().await;
        DB::forget(&self.table);
    }
}

pub async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(20), "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// What an operation of kysera does: acquire, run, settle.
pub fn exec<S: Source>(source: &S, sql: String) -> impl Future<Output = Result<()>> + Send {
    async move {
        let mut guard = source.acquire().await?;
        let result = S::Database::raw(&mut guard, text(sql)).await.map_err(Error::from);
        guard.settle(result.as_ref().map(drop));
        result
    }
}

/// The same, prepared, for the first cell of the first row.
pub fn number<S: Source<Database: Lab>>(source: &S, sql: String) -> impl Future<Output = Result<i64>> + Send {
    async move {
        let mut guard = source.acquire().await?;
        let statement = Statement { sql: text(sql), args: Default::default(), persistent: true, shown: None };
        let result = S::Database::fetch_optional(&mut guard, statement).await.map_err(Error::from);
        guard.settle(result.as_ref().map(drop));
        result.map(|row| S::Database::number(&row.expect("a row")))
    }
}

/// One test per backend that is switched on.
macro_rules! on_each {
    ($($name:ident)*) => { $(
        mod $name {
            #[cfg(feature = "sqlite")]
            #[tokio::test]
            async fn sqlite() { super::lab::quick(super::$name::<sqlx::Sqlite>()).await }
            #[cfg(all(feature = "postgres", feature = "_servers"))]
            #[tokio::test]
            async fn postgres() { super::lab::quick(super::$name::<sqlx::Postgres>()).await }
            #[cfg(all(feature = "mysql", feature = "_servers"))]
            #[tokio::test]
            async fn mysql() { super::lab::quick(super::$name::<sqlx::MySql>()).await }
            #[cfg(feature = "sqlite")]
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite_threads() { super::lab::quick(super::$name::<sqlx::Sqlite>()).await }
            #[cfg(all(feature = "postgres", feature = "_servers"))]
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres_threads() { super::lab::quick(super::$name::<sqlx::Postgres>()).await }
            #[cfg(all(feature = "mysql", feature = "_servers"))]
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn mysql_threads() { super::lab::quick(super::$name::<sqlx::MySql>()).await }
        }
    )* };
}
pub(crate) use on_each;

/// A test that hangs fails.
pub async fn quick<T>(test: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(90), test).await.expect("the test hangs")
}

/// Polls once and drops the future; whether it was pending.
pub fn cut_after_one_poll<F: Future>(future: F) -> bool {
    is_pending(&mut Box::pin(future))
}

/// Polls once.
pub fn is_pending<F: Future>(future: &mut std::pin::Pin<Box<F>>) -> bool {
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    future.as_mut().poll(&mut cx).is_pending()
}
