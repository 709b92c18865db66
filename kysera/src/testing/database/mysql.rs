use std::str::FromStr;

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{AssertSqlSafe, Connection, MySql, Row};

use super::{
    Ask, Fill, PREFIX, Place, TestDatabase, fresh_name, is_fresh_template, is_stale_template, is_stale_test,
    template_name,
};
use crate::error::{Error, Result};
use crate::source::Db;

/// Who makes templates on a server.
const LOCK: &str = "kysera_templates";
/// How long that may take: migrations included.
const PATIENCE: u32 = 300;
/// Holds the statements that make a copy of a template. It is made last, when the template is complete.
const SCRIPT: &str = "_kysera_template";

impl TestDatabase for MySql {
    async fn place<'a>(ask: &'a Ask<'a>, fill: &'a Fill<'a, Self>) -> Result<Place<Self>> {
        let server = MySqlConnectOptions::from_str(&ask.server()?)?;
        let mut conn = MySqlConnection::connect_with(&server).await?;
        let template = match find(&mut conn, ask).await? {
            Some(template) => template,
            None => {
                lock(&mut conn).await?;
                // Given back with the connection, if it fails.
                let made = match find(&mut conn, ask).await? {
                    Some(template) => template,
                    None => make(&mut conn, &server, ask, fill).await?,
                };
                execute(&mut conn, format!("DO RELEASE_LOCK('{LOCK}')")).await?;
                made
            }
        };
        let name = fresh_name();
        execute(&mut conn, format!("CREATE DATABASE {name}; USE {name}")).await?;
        let copied = copy(&mut conn, &template).await;
        conn.close().await?;
        let options = server.clone().database(&name);
        let db = match copied {
            Ok(()) => Db::<MySql>::builder().max_connections(ask.connections).connect_with(options).await,
            Err(error) => Err(error),
        };
        let remove = async move {
            let mut conn = MySqlConnection::connect_with(&server).await?;
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

async fn lock(conn: &mut MySqlConnection) -> Result<()> {
    let got: Option<i64> =
        sqlx::query_scalar(AssertSqlSafe(format!("SELECT GET_LOCK('{LOCK}', {PATIENCE})")))
            .fetch_one(conn)
            .await?;
    match got {
        Some(1) => Ok(()),
        _ => Err(Error::BadRequest(
            format!("somebody else has been making a template for {PATIENCE} s").into(),
        )),
    }
}

/// A template that is complete. What is left over is removed.
async fn find(conn: &mut MySqlConnection, ask: &Ask<'_>) -> Result<Option<String>> {
    // As bytes: some versions say that names are binary.
    let names: Vec<(Vec<u8>, i64)> = sqlx::query_as(
        "SELECT CAST(s.schema_name AS BINARY), EXISTS (
            SELECT * FROM information_schema.tables t WHERE t.table_schema = s.schema_name AND t.table_name = ?
        ) FROM information_schema.schemata s WHERE s.schema_name LIKE ?",
    )
    .bind(SCRIPT)
    .bind(format!("{}%", PREFIX.replace('_', "\\_")))
    .fetch_all(&mut *conn)
    .await?;
    let mut found = None;
    for (name, complete) in names {
        let Ok(name) = String::from_utf8(name) else { continue };
        if complete == 1 && is_fresh_template(&name, ask.hash) {
            found = Some(name);
        } else if is_stale_test(&name) || is_stale_template(&name) {
            drop_database(conn, &name).await?;
        }
    }
    Ok(found)
}

async fn make(
    conn: &mut MySqlConnection,
    server: &MySqlConnectOptions,
    ask: &Ask<'_>,
    fill: &Fill<'_, MySql>,
) -> Result<String> {
    let name = template_name(ask.hash);
    // Of somebody who was killed at it: the lock is ours.
    drop_database(conn, &name).await?;
    execute(conn, format!("CREATE DATABASE {name}")).await?;
    let filled = async {
        let options = server.clone().database(&name);
        fill(Db::<MySql>::builder().max_connections(2).connect_with(options).await?).await?;
        execute(conn, format!("USE {name}")).await?;
        let script = script(conn, &name).await?;
        execute(
            conn,
            format!(
                "CREATE TABLE {SCRIPT} (id INT PRIMARY KEY, sql_text LONGTEXT NOT NULL) CHARACTER SET utf8mb4"
            ),
        )
        .await?;
        for (id, sql) in script.iter().enumerate() {
            sqlx::query(AssertSqlSafe(format!("INSERT INTO {SCRIPT} (id, sql_text) VALUES (?, ?)")))
                .bind(id as i64)
                .bind(sql)
                .execute(&mut *conn)
                .await?;
        }
        Ok(())
    };
    if let Err(error) = filled.await {
        drop_database(conn, &name).await?;
        return Err(error);
    }
    Ok(name)
}

/// The statements that make the same once more, in another database: tables with their rows, routines, views, triggers.
async fn script(conn: &mut MySqlConnection, template: &str) -> Result<Vec<String>> {
    let mut script = vec!["SET SESSION foreign_key_checks = 0".to_owned()];
    let tables = names(conn, "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'").await?;
    for table in &tables {
        script.push(created(conn, "TABLE", table, template).await?);
    }
    for table in &tables {
        let columns = "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ?
            AND COALESCE(generation_expression, '') = '' ORDER BY ordinal_position";
        let columns: Vec<String> =
            names_of(conn, columns, Some(table)).await?.iter().map(|name| quoted(name)).collect();
        let (columns, table) = (columns.join(", "), quoted(table));
        script.push(format!("INSERT INTO {table} ({columns}) SELECT {columns} FROM {template}.{table}"));
    }
    for kind in ["FUNCTION", "PROCEDURE"] {
        let routines = format!(
            "SELECT routine_name FROM information_schema.routines WHERE routine_schema = DATABASE() AND routine_type = '{kind}'"
        );
        for routine in names(conn, &routines).await? {
            script.push(created(conn, kind, &routine, template).await?);
        }
    }
    // In the order in which they were made there is none that needs a later one; nobody tells that order but their dependencies.
    let mut views = Vec::new();
    for view in
        names(conn, "SELECT table_name FROM information_schema.views WHERE table_schema = DATABASE()").await?
    {
        let text = created(conn, "VIEW", &view, template).await?;
        views.push((quoted(&view), text));
    }
    while !views.is_empty() {
        let ready = views.iter().position(|(_, text)| {
            views.iter().all(|(other, body)| std::ptr::eq(body, text) || !text.contains(&**other))
        });
        // Names that stand in each other's texts by chance: the server says if it was no chance.
        script.push(views.remove(ready.unwrap_or(0)).1);
    }
    for trigger in names(conn, "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE() ORDER BY event_object_table, action_timing, event_manipulation, action_order").await? {
        script.push(created(conn, "TRIGGER", &trigger, template).await?);
    }
    script.push("SET SESSION foreign_key_checks = 1".to_owned());
    Ok(script)
}

/// What `SHOW CREATE` says, without the name of the database in it.
async fn created(conn: &mut MySqlConnection, kind: &str, name: &str, template: &str) -> Result<String> {
    let sql = format!("SHOW CREATE {kind} {}", quoted(name));
    let row = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_one(conn).await?;
    let column = if matches!(kind, "TABLE" | "VIEW") { 1 } else { 2 };
    let text: String = row.try_get(column)?;
    Ok(text.replace(&format!("`{template}`."), ""))
}

async fn copy(conn: &mut MySqlConnection, template: &str) -> Result<()> {
    let script: Vec<String> =
        sqlx::query_scalar(AssertSqlSafe(format!("SELECT sql_text FROM {template}.{SCRIPT} ORDER BY id")))
            .fetch_all(&mut *conn)
            .await?;
    // All of it in one round trip: bodies of routines know where they end.
    execute(conn, script.join(";\n")).await
}

async fn names(conn: &mut MySqlConnection, sql: &str) -> Result<Vec<String>> {
    names_of(conn, sql, None).await
}

async fn names_of(conn: &mut MySqlConnection, sql: &str, of: Option<&str>) -> Result<Vec<String>> {
    let mut query = sqlx::query(AssertSqlSafe(sql));
    if let Some(of) = of {
        query = query.bind(of);
    }
    let rows = query.fetch_all(conn).await?;
    let name = |row: sqlx::mysql::MySqlRow| -> Result<String> {
        // Some versions say that names are binary.
        let bytes: Vec<u8> = row.try_get_unchecked(0)?;
        String::from_utf8(bytes).map_err(|error| sqlx::Error::Decode(error.into()).into())
    };
    rows.into_iter().map(name).collect()
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

async fn drop_database(conn: &mut MySqlConnection, name: &str) -> Result<()> {
    // What a test has left open holds locks, which would be waited for.
    let sessions: Vec<i64> =
        sqlx::query_scalar("SELECT CAST(id AS SIGNED) FROM information_schema.processlist WHERE db = ? AND id <> CONNECTION_ID()")
            .bind(name)
            .fetch_all(&mut *conn)
            .await?;
    for session in sessions {
        // It may have ended by itself.
        let _ = execute(conn, format!("KILL {session}")).await;
    }
    execute(conn, format!("DROP DATABASE IF EXISTS {name}")).await
}

/// Names are of our own making, and need no quotes.
async fn execute(conn: &mut MySqlConnection, sql: String) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await?;
    Ok(())
}
