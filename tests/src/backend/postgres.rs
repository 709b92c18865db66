use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection, Postgres};
use tokio::sync::OnceCell;

use super::{Place, TestBackend, block_on, name, url};
use crate::fixture::Ddl;

static CLEANED: OnceCell<()> = OnceCell::const_new();

/// A test has a schema, which is made much faster than a database.
impl TestBackend for Postgres {
    fn pick(ddl: &Ddl) -> &'static str {
        ddl.postgres
    }

    async fn place(_: bool) -> Place<Self> {
        let server = PgConnectOptions::from_str(&url("KYSERA_POSTGRES_URL")).unwrap();
        let mut conn = connect(&server).await;
        CLEANED.get_or_init(|| drop_stale(&server)).await;
        let name = name::fresh();
        execute(&mut conn, format!("CREATE SCHEMA {name}")).await;
        conn.close().await.unwrap();
        // The name of the application tells the connections of a test from those of others.
        let options = server.clone().options([("search_path", &name)]).application_name(&name);
        Place { options, remove: Some(Box::new(move || block_on(remove(server, name)))) }
    }
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
    conn.close().await.unwrap();
    for name in names.into_iter().filter(|name| name::is_stale(name)) {
        remove(server.clone(), name).await;
    }
}
