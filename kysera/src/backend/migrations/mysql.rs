use sqlx::error::DatabaseError;
use sqlx::mysql::{MySqlDatabaseError, MySqlRow};
use sqlx::{MySql, MySqlConnection, SqlStr};

use super::{Books, Migrations, only_text, sqlx_lock};
use crate::expr::dynamic;

impl Migrations for MySql {
    const UNDOES_DDL: bool = false;
    const LOCKS_APART: bool = false;

    const BOOKS: Books = Books {
        schema: Some("CREATE SCHEMA IF NOT EXISTS"),
        create: "CREATE TABLE IF NOT EXISTS {table} (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
)",
        read: "SELECT version, description, CAST(success AS SIGNED), HEX(checksum), execution_time FROM {table} ORDER BY version",
        text: ["CONVERT(X'", "' USING utf8mb4)"],
        bytes: ["X'", "'"],
    };

    async fn rows(conn: &mut MySqlConnection, sql: SqlStr) -> Result<Vec<MySqlRow>, sqlx::Error> {
        sqlx::raw_sql(sql).fetch_all(conn).await
    }

    fn is_missing_table(error: &dyn DatabaseError) -> bool {
        error.try_downcast_ref::<MySqlDatabaseError>().is_some_and(|error| error.number() == 1146)
    }

    async fn prepare(conn: &mut MySqlConnection) -> Result<(), sqlx::Error> {
        // Each server reads its own comment.
        let sql = "SET SESSION /*!50708 max_execution_time = 0 */ /*M!100101 max_statement_time = 0 */";
        match sqlx::raw_sql(sql).execute(conn).await {
            Ok(_) | Err(sqlx::Error::Database(_)) => Ok(()), // refused by servers that know neither
            Err(error) => Err(error),
        }
    }

    async fn settings(conn: &mut MySqlConnection) -> Result<String, sqlx::Error> {
        const ALL: &str = "SELECT CONCAT('SET autocommit = 1, foreign_key_checks = ', @@foreign_key_checks, \
            ', unique_checks = ', @@unique_checks, ', sql_mode = ''', @@sql_mode, ''', time_zone = ''', @@time_zone, '''; ', \
            COALESCE(CONCAT('USE `', REPLACE(DATABASE(), '`', '``'), '`'), 'DO 0'))";
        Ok(only_text::<Self>(conn, ALL).await?.unwrap_or_default())
    }

    async fn try_lock(conn: &mut MySqlConnection, _: &str) -> Result<bool, sqlx::Error> {
        let lock = lock(conn).await?;
        let sql = format!("SELECT CAST(GET_LOCK('{lock}', 0) AS CHAR)");
        Ok(only_text::<Self>(conn, dynamic(sql)).await?.as_deref() == Some("1"))
    }

    async fn unlock(conn: &mut MySqlConnection) -> Result<(), sqlx::Error> {
        let lock = lock(conn).await?;
        sqlx::raw_sql(dynamic(format!("DO RELEASE_LOCK('{lock}')"))).execute(conn).await.map(drop)
    }

    async fn lock_holder(conn: &mut MySqlConnection, _: &str) -> Result<Option<String>, sqlx::Error> {
        let lock = lock(conn).await?;
        // Of others' connections an account without PROCESS sees the number alone.
        let sql = format!(
            "SELECT CONCAT('connection ', IS_USED_LOCK('{lock}'), COALESCE((SELECT CONCAT(' of ', user, ' from ', host) \
                FROM information_schema.processlist WHERE id = IS_USED_LOCK('{lock}')), ''))"
        );
        only_text::<Self>(conn, dynamic(sql)).await
    }
}

/// The name that sqlx's runner locks, which is hexadecimal and short.
async fn lock(conn: &mut MySqlConnection) -> Result<String, sqlx::Error> {
    match only_text::<MySql>(conn, "SELECT DATABASE()").await? {
        Some(database) => Ok(format!("{:x}", sqlx_lock(&database))),
        None => Err(sqlx::Error::Configuration(
            "migrations need a database in the URL: mysql://host/database".into(),
        )),
    }
}
