use std::str::FromStr;

use kysera::Db;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{AssertSqlSafe, Connection, MySql, Row};
use tokio::sync::OnceCell;

use super::{Place, TestBackend, block_on, name, url};
use crate::fixture::Ddl;

static CLEANED: OnceCell<()> = OnceCell::const_new();

impl TestBackend for MySql {
    fn pick(ddl: &Ddl) -> &'static str {
        ddl.mysql
    }

    async fn place(_: bool) -> Place<Self> {
        let server = MySqlConnectOptions::from_str(&url("KYSERA_MYSQL_URL")).unwrap();
        let mut conn = connect(&server).await;
        CLEANED.get_or_init(|| drop_stale(&server)).await;
        let name = name::fresh();
        execute(&mut conn, format!("CREATE DATABASE {name} CHARACTER SET utf8mb4")).await;
        conn.close().await.unwrap();
        // sqlx leaves Nagle's algorithm on, and a full cache closes a statement for each new one, which the server does not
        // answer: whatever is sent next waits for a delayed acknowledgement, 40 ms.
        let options = server.clone().database(&name).statement_cache_capacity(4000);
        Place { options, pooled: None, remove: Some(Box::new(move || block_on(remove(server, name)))) }
    }

    async fn in_transaction(db: &Db<Self>) -> usize {
        transactions(db).await.len()
    }

    async fn waiting(db: &Db<Self>) -> usize {
        transactions(db).await.iter().filter(|report| report.contains("LOCK WAIT")).count()
    }
}

/// What InnoDB says of each transaction in the database of the test. (`information_schema.innodb_trx` is no good for those who
/// wait for something: it shows what it showed before, unless nobody at all has asked for a tenth of a second.)
async fn transactions(db: &Db<MySql>) -> Vec<String> {
    let conn = db.acquire().await.unwrap();
    let mut conn = conn.connection().await.unwrap();
    let sql = "SELECT CAST(id AS SIGNED) FROM information_schema.processlist \
               WHERE db = DATABASE() AND id <> CONNECTION_ID()";
    let sessions: Vec<i64> = sqlx::query_scalar(sql).fetch_all(&mut *conn).await.unwrap();
    let status = sqlx::query("SHOW ENGINE INNODB STATUS").fetch_one(&mut *conn).await.unwrap();
    let status: String = status.get("Status");
    let is_of_the_test = |report: &&str| {
        let id = report.split_once("thread id ").and_then(|(_, after)| after.split(',').next()?.parse().ok());
        report.contains(", ACTIVE") && id.is_some_and(|id| sessions.contains(&id))
    };
    // Before the first of them stands the latest deadlock, whose transactions are long gone.
    status.split("---TRANSACTION").skip(1).filter(is_of_the_test).map(str::to_owned).collect()
}

async fn connect(options: &MySqlConnectOptions) -> MySqlConnection {
    MySqlConnection::connect_with(options)
        .await
        .unwrap_or_else(|error| panic!("no MySQL or MariaDB at KYSERA_MYSQL_URL: {error}"))
}

async fn execute(conn: &mut MySqlConnection, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.unwrap();
}

async fn remove(server: MySqlConnectOptions, name: String) {
    let mut conn = connect(&server).await;
    // A test that panicked may still hold a transaction open, whose locks would be waited for.
    let ids: Vec<i64> =
        sqlx::query_scalar("SELECT CAST(id AS SIGNED) FROM information_schema.processlist WHERE db = ?")
            .bind(&name)
            .fetch_all(&mut conn)
            .await
            .unwrap();
    for id in ids {
        // It may have ended by itself.
        let _ = sqlx::raw_sql(AssertSqlSafe(format!("KILL {id}"))).execute(&mut conn).await;
    }
    execute(&mut conn, format!("DROP DATABASE IF EXISTS {name}")).await;
    conn.close().await.unwrap();
}

async fn drop_stale(server: &MySqlConnectOptions) {
    let mut conn = connect(server).await;
    // As bytes: some versions say that names are binary.
    let names: Vec<Vec<u8>> = sqlx::query_scalar(
        "SELECT CAST(schema_name AS BINARY) FROM information_schema.schemata WHERE schema_name LIKE ?",
    )
    .bind(format!("{}%", name::PREFIX))
    .fetch_all(&mut conn)
    .await
    .unwrap();
    conn.close().await.unwrap();
    let names = names.into_iter().filter_map(|name| String::from_utf8(name).ok());
    for name in names.filter(|name| name::is_stale(name)) {
        remove(server.clone(), name).await;
    }
}
