//! A database of its own for every test.

use std::time::Duration;

use futures_util::TryStreamExt;
use kysera::Db;
use kysera::backend::{Scalar, Statement};
use kysera::source::PgBouncer;
use sqlx::pool::{PoolConnection, PoolOptions};
use sqlx::{AssertSqlSafe, ColumnIndex, Database, SqlSafeStr};

use crate::backend::{Place, TestBackend};

/// The tables of a test, as each database spells them. Several statements are separated by semicolons.
#[derive(Debug, Clone, Copy)]
pub struct Ddl {
    /// For PostgreSQL.
    pub postgres: &'static str,
    /// For MySQL and MariaDB.
    pub mysql: &'static str,
    /// For SQLite.
    pub sqlite: &'static str,
}

impl Ddl {
    /// For tests that need no tables, or make their own.
    pub const NONE: Ddl = Ddl { postgres: "", mysql: "", sqlite: "" };
}

/// What a [`Fixture`] hands to repositories.
pub type TestSource<DB> = Db<DB>;

type ConnectOptions<DB> = <<DB as Database>::Connection as sqlx::Connection>::Options;

/// An empty database with the tables of a test. Dropped, and the database with it, at the end of the test, also when
/// the test panics.
pub struct Fixture<DB: TestBackend> {
    source: TestSource<DB>,
    /// Past the pooler, if there is one: for what looks at things from outside.
    direct: TestSource<DB>,
    // After the sources: connections first.
    place: Place<DB>,
}

impl<DB: TestBackend> Fixture<DB> {
    /// One connection: an operation that needs a second one fails after ten seconds instead of passing by luck.
    /// On SQLite the database lives in memory.
    pub async fn new(ddl: &Ddl) -> Self {
        let place = DB::place(false).await;
        Self::open(place, ddl, 1).await
    }

    /// Up to `connections` at a time. On SQLite the database is a file.
    pub async fn concurrent(ddl: &Ddl, connections: u32) -> Self {
        let place = DB::place(true).await;
        Self::open(place, ddl, connections).await
    }

    async fn open(place: Place<DB>, ddl: &Ddl, connections: u32) -> Self {
        let direct = connect(place.options.clone(), connections).await;
        let source = match place.pooled.clone() {
            Some((options, mode)) => pooled(options, mode, connections).await,
            None => direct.clone(),
        };
        let fixture = Fixture { source, direct, place };
        let ddl = DB::pick(ddl);
        if !ddl.is_empty() {
            fixture.execute(ddl).await;
        }
        fixture
    }

    /// For repositories.
    pub fn source(&self) -> &TestSource<DB> {
        &self.source
    }

    /// The same database through another door: options for a connection of the test's own making.
    pub fn options(&self) -> ConnectOptions<DB> {
        self.place.options.clone()
    }

    /// The same database by other options, such as those of a [proxy](crate::proxy::Proxy).
    pub async fn connect(&self, options: ConnectOptions<DB>, connections: u32) -> TestSource<DB> {
        connect(options, connections).await
    }

    /// A connection of the source's pool, for plain sqlx.
    pub async fn connection(&self) -> PoolConnection<DB> {
        self.direct
            .pool()
            .acquire()
            .await
            .unwrap_or_else(|error| panic!("no connection to {}: {error}", DB::NAME))
    }

    /// Runs SQL as it stands. Panics where the database refuses.
    pub async fn execute(&self, sql: &str) {
        let result = self.direct.raw_sql(AssertSqlSafe(sql)).await;
        result.unwrap_or_else(|error| panic!("{} refuses {sql:?}: {error}", DB::NAME));
    }

    /// How many sessions of the test sit in a transaction that nobody uses, as far as one can ask.
    pub async fn in_transaction(&self) -> usize {
        DB::in_transaction(&self.direct).await
    }

    /// How many of them wait for a lock.
    pub async fn waiting(&self) -> usize {
        DB::waiting(&self.direct).await
    }

    /// The first column of every row, to look at what is stored behind kysera's back.
    pub async fn column<T>(&self, sql: &str) -> Vec<T>
    where
        T: Scalar<DB>,
        usize: ColumnIndex<DB::Row>,
    {
        let statement = Statement {
            sql: AssertSqlSafe(sql).into_sql_str(),
            args: Default::default(),
            persistent: false,
            shown: None,
        };
        let conn = self.direct.acquire().await.unwrap_or_else(|error| panic!("no connection: {error}"));
        let mut raw = conn.connection().await.unwrap_or_else(|error| panic!("no connection: {error}"));
        let rows: Result<Vec<T>, sqlx::Error> = DB::fetch(&mut raw, statement)
            .and_then(|row| std::future::ready(DB::cell(&row, 0, true)))
            .try_collect()
            .await;
        rows.unwrap_or_else(|error| panic!("{} refuses {sql:?}: {error}", DB::NAME))
    }

    /// The only value of the only row. Panics where there is another number of rows.
    pub async fn scalar<T>(&self, sql: &str) -> T
    where
        T: Scalar<DB>,
        usize: ColumnIndex<DB::Row>,
    {
        let mut rows = self.column(sql).await;
        assert_eq!(rows.len(), 1, "{sql:?} is meant to find one row");
        rows.remove(0)
    }
}

#[cfg(feature = "postgres")]
impl Fixture<sqlx::Postgres> {
    /// The same behind PgBouncer, in the mode that it fits.
    pub async fn behind_pgbouncer(ddl: &Ddl, connections: u32) -> Self {
        let place = crate::backend::postgres::pooled(crate::pooler::mode().await).await;
        Self::open(place, ddl, connections).await
    }
}

/// Through a pooler.
async fn pooled<DB: TestBackend>(
    options: ConnectOptions<DB>,
    mode: PgBouncer,
    connections: u32,
) -> TestSource<DB> {
    let pool = connect::<DB>(options, connections).await.pool().clone();
    DB::behind(pool, mode)
}

/// The one place that says what the suite runs on.
async fn connect<DB: TestBackend>(options: ConnectOptions<DB>, connections: u32) -> TestSource<DB> {
    PoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(10))
        // A connection that SQLite closes takes a database in memory with it.
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options)
        .await
        .map(Db::new)
        .unwrap_or_else(|error| panic!("no connection to {}: {error}", DB::NAME))
}
