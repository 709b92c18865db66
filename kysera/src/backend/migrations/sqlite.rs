use std::path::PathBuf;

use sqlx::error::DatabaseError;
use sqlx::sqlite::SqliteRow;
use sqlx::{SqlStr, Sqlite, SqliteConnection};

use super::{Books, Migrations, only_text};

impl Migrations for Sqlite {
    const UNDOES_DDL: bool = true;
    const LOCKS_APART: bool = false;
    const IMPATIENT: Option<&'static str> = Some("PRAGMA busy_timeout = 0");

    const BOOKS: Books = Books {
        schema: None,
        create: "CREATE TABLE IF NOT EXISTS {table} (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
)",
        read: "SELECT version, description, CAST(success AS INTEGER), hex(checksum), execution_time FROM {table} ORDER BY version",
        text: ["CAST(X'", "' AS TEXT)"],
        bytes: ["X'", "'"],
    };

    async fn rows(conn: &mut SqliteConnection, sql: SqlStr) -> Result<Vec<SqliteRow>, sqlx::Error> {
        sqlx::raw_sql(sql).fetch_all(conn).await
    }

    fn is_missing_table(error: &dyn DatabaseError) -> bool {
        error.message().starts_with("no such table: ")
    }

    fn is_busy(error: &dyn DatabaseError) -> bool {
        // BUSY and LOCKED in all their forms; the lowest byte tells.
        error
            .code()
            .and_then(|code| code.parse::<i32>().ok())
            .is_some_and(|code| matches!(code & 0xff, 5 | 6))
    }

    async fn settings(conn: &mut SqliteConnection) -> Result<String, sqlx::Error> {
        const ALL: &str = "SELECT 'PRAGMA foreign_keys = ' || foreign_keys || '; PRAGMA busy_timeout = ' || timeout \
            FROM pragma_foreign_keys, pragma_busy_timeout";
        Ok(only_text::<Self>(conn, ALL).await?.unwrap_or_default())
    }

    async fn lock_file(conn: &mut SqliteConnection) -> Result<Option<PathBuf>, sqlx::Error> {
        // A database in memory has no file, and a single connection.
        let file = "SELECT file FROM pragma_database_list WHERE name = 'main' AND file <> ''";
        let file = only_text::<Self>(conn, file).await?;
        Ok(file.map(|file| PathBuf::from(format!("{file}-migrating"))))
    }

    async fn mark(conn: &mut SqliteConnection) -> Result<String, sqlx::Error> {
        sqlx::raw_sql("SAVEPOINT kysera_migration").execute(conn).await?;
        Ok(String::new())
    }

    async fn is_marked(conn: &mut SqliteConnection, _: &str) -> Result<bool, sqlx::Error> {
        // It goes with the transaction that it was made in.
        match sqlx::raw_sql("RELEASE kysera_migration").execute(conn).await {
            Ok(_) => Ok(true),
            Err(sqlx::Error::Database(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
