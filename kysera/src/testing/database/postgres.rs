use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection, Postgres};

use super::{
    Ask, Fill, PREFIX, Place, TestDatabase, fresh_name, is_fresh_template, is_stale_template, is_stale_test,
    template_name,
};
use crate::error::Result;
use crate::source::Db;

/// Who makes or removes templates on a server; any number does that others are unlikely to use.
const LOCK: i64 = 0x6b79_7365_7261_5f74;

impl TestDatabase for Postgres {
    async fn place<'a>(ask: &'a Ask<'a>, fill: &'a Fill<'a, Self>) -> Result<Place<Self>> {
        let server = PgConnectOptions::from_str(&ask.server()?)?;
        let mut conn = PgConnection::connect_with(&server).await?;
        let template = match find(&mut conn, ask).await? {
            Some(template) => template,
            None => {
                execute(&mut conn, format!("SELECT pg_advisory_lock({LOCK})")).await?;
                // Given back with the connection, if it fails.
                let made = match find(&mut conn, ask).await? {
                    Some(template) => template,
                    None => make(&mut conn, &server, ask, fill).await?,
                };
                execute(&mut conn, format!("SELECT pg_advisory_unlock({LOCK})")).await?;
                made
            }
        };
        let name = fresh_name();
        execute(&mut conn, format!("CREATE DATABASE {name} TEMPLATE {template}")).await?;
        conn.close().await?;
        let options = server.clone().database(&name);
        let db = Db::<Postgres>::builder().max_connections(ask.connections).connect_with(options).await;
        let remove = async move {
            let mut conn = PgConnection::connect_with(&server).await?;
            drop_database(&mut conn, &name).await?;
            conn.close().await?;
            Ok(())
        };
        match db {
            Ok(db) => Ok(Place { db, remove: Box::pin(remove) }),
            Err(error) => {
                let _: Result<()> = remove.await;
                Err(error)
            }
        }
    }
}

/// A template that is complete, which is when it is marked as one. What is left over is removed.
async fn find(conn: &mut PgConnection, ask: &Ask<'_>) -> Result<Option<String>> {
    let names: Vec<(String, bool)> =
        sqlx::query_as("SELECT datname::text, datistemplate FROM pg_database WHERE datname LIKE $1")
            .bind(format!("{}%", PREFIX.replace('_', "\\_")))
            .fetch_all(&mut *conn)
            .await?;
    let mut found = None;
    for (name, complete) in names {
        if complete && is_fresh_template(&name, ask.hash) {
            found = Some(name);
        } else if is_stale_test(&name) {
            drop_database(conn, &name).await?;
        } else if is_stale_template(&name) {
            drop_template(conn, &name).await?;
        }
    }
    Ok(found)
}

async fn make(
    conn: &mut PgConnection,
    server: &PgConnectOptions,
    ask: &Ask<'_>,
    fill: &Fill<'_, Postgres>,
) -> Result<String> {
    let name = template_name(ask.hash);
    // Of somebody who was killed at it: the lock is ours.
    drop_database(conn, &name).await?;
    execute(conn, format!("CREATE DATABASE {name}")).await?;
    let filled = async {
        let options = server.clone().database(&name);
        fill(Db::<Postgres>::builder().max_connections(2).connect_with(options).await?).await
    };
    if let Err(error) = filled.await {
        drop_database(conn, &name).await?;
        return Err(error);
    }
    // Nobody can copy what somebody is connected to.
    execute(conn, format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false IS_TEMPLATE true")).await?;
    Ok(name)
}

async fn drop_template(conn: &mut PgConnection, name: &str) -> Result<()> {
    // Somebody else may have been faster.
    if execute(conn, format!("ALTER DATABASE {name} WITH IS_TEMPLATE false")).await.is_ok() {
        drop_database(conn, name).await?;
    }
    Ok(())
}

async fn drop_database(conn: &mut PgConnection, name: &str) -> Result<()> {
    execute(conn, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await
}

/// Names are of our own making, and need no quotes.
async fn execute(conn: &mut PgConnection, sql: String) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await?;
    Ok(())
}
