use std::str::FromStr;

use kysera::Db;
use kysera::source::PgBouncer;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection, Pool, Postgres};
use tokio::sync::OnceCell;

use super::{Place, TestBackend, block_on, name, url};
use crate::fixture::Ddl;
use crate::pooler;

static CLEANED: OnceCell<()> = OnceCell::const_new();

/// A test has a schema, which is made much faster than a database.
impl TestBackend for Postgres {
    fn pick(ddl: &Ddl) -> &'static str {
        ddl.postgres
    }

    fn behind(pool: Pool<Self>, mode: PgBouncer) -> Db<Self> {
        Db::builder().pgbouncer(mode).build(pool)
    }

    async fn place(_: bool) -> Place<Self> {
        if let Some(mode) = pooler::asked_for().await {
            return pooled(mode).await;
        }
        let server = PgConnectOptions::from_str(&url("KYSERA_POSTGRES_URL")).unwrap();
        let mut conn = connect(&server).await;
        CLEANED.get_or_init(|| drop_stale(&server)).await;
        let name = name::fresh();
        execute(&mut conn, format!("CREATE SCHEMA {name}")).await;
        conn.close().await.unwrap();
        // The name of the application tells the connections of a test from those of others.
        let options = server.clone().options([("search_path", &name)]).application_name(&name);
        Place { options, pooled: None, remove: Some(Box::new(move || block_on(remove(server, name)))) }
    }

    async fn in_transaction(db: &Db<Self>) -> usize {
        sessions(db, "state LIKE 'idle in transaction%'").await
    }

    async fn waiting(db: &Db<Self>) -> usize {
        sessions(db, "wait_event_type = 'Lock'").await
    }
}

/// Sessions of the test.
async fn sessions(db: &Db<Postgres>, which: &str) -> usize {
    let conn = db.acquire().await.unwrap();
    let sql = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = current_setting('application_name') AND {which}"
    );
    let mut conn = conn.connection().await.unwrap();
    sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql)).fetch_one(&mut *conn).await.unwrap() as usize
}

/// Behind a pooler a test has a database: schemas are found by a setting of the session.
pub(crate) async fn pooled(mode: PgBouncer) -> Place<Postgres> {
    let server = PgConnectOptions::from_str(&url("KYSERA_POSTGRES_URL")).unwrap();
    let mut conn = connect(&server).await;
    CLEANED.get_or_init(|| drop_stale(&server)).await;
    let name = name::fresh();
    execute(&mut conn, format!("CREATE DATABASE {name}")).await;
    conn.close().await.unwrap();
    let options = server.clone().database(&name).application_name(&name);
    let through = pooler::options(mode).database(&name).application_name(&name);
    let remove = move || block_on(remove_database(server, name));
    Place { options, pooled: Some((through, mode)), remove: Some(Box::new(remove)) }
}

async fn remove_database(server: PgConnectOptions, name: String) {
    let mut conn = connect(&server).await;
    execute(&mut conn, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
    conn.close().await.unwrap();
}

async fn connect(options: &PgConnectOptions) -> PgConnection {
    PgConnection::connect_with(options)
        .await
        .unwrap_or_else(|error| panic!("no PostgreSQL at KYSERA_POSTGRES_URL: {error}"))
}

async fn execute(conn: &mut PgConnection, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.unwrap();
}

async fn remove(server: PgConnectOptions, name: String) {
    let mut conn = connect(&server).await;
    // A test that panicked may still hold a transaction open, whose locks would be waited for.
    sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1")
        .bind(&name)
        .execute(&mut conn)
        .await
        .unwrap();
    execute(&mut conn, format!("DROP SCHEMA IF EXISTS {name} CASCADE")).await;
    conn.close().await.unwrap();
}

async fn drop_stale(server: &PgConnectOptions) {
    let mut conn = connect(server).await;
    let names: Vec<String> =
        sqlx::query_scalar("SELECT nspname::text FROM pg_namespace WHERE nspname LIKE $1")
            .bind(format!("{}%", name::PREFIX))
            .fetch_all(&mut conn)
            .await
            .unwrap();
    let databases: Vec<String> =
        sqlx::query_scalar("SELECT datname::text FROM pg_database WHERE datname LIKE $1")
            .bind(format!("{}%", name::PREFIX))
            .fetch_all(&mut conn)
            .await
            .unwrap();
    conn.close().await.unwrap();
    for name in names.into_iter().filter(|name| name::is_stale(name)) {
        remove(server.clone(), name).await;
    }
    for name in databases.into_iter().filter(|name| name::is_stale(name)) {
        remove_database(server.clone(), name).await;
    }
}
