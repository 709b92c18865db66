use sqlx::error::DatabaseError;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Postgres, SqlStr};

use super::{Books, Migrations, only_text, sqlx_lock};
use crate::expr::dynamic;

impl Migrations for Postgres {
    const UNDOES_DDL: bool = true;
    const LOCKS_APART: bool = true;

    const BOOKS: Books = Books {
        schema: Some("CREATE SCHEMA IF NOT EXISTS"),
        create: "CREATE TABLE IF NOT EXISTS {table} (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMPTZ NOT NULL DEFAULT now(),
    success BOOLEAN NOT NULL,
    checksum BYTEA NOT NULL,
    execution_time BIGINT NOT NULL
)",
        read: "SELECT version, description, success::int::bigint, encode(checksum, 'hex'), execution_time FROM {table} \
            ORDER BY version",
        text: ["convert_from(decode('", "', 'hex'), 'UTF8')"],
        bytes: ["decode('", "', 'hex')"],
    };

    async fn rows(conn: &mut PgConnection, sql: SqlStr) -> Result<Vec<PgRow>, sqlx::Error> {
        sqlx::raw_sql(sql).fetch_all(conn).await
    }

    fn is_missing_table(error: &dyn DatabaseError) -> bool {
        // The table, or the schema that it is said to be in.
        matches!(error.code().as_deref(), Some("42P01" | "3F000"))
    }

    fn is_refused_in_transaction(error: &dyn DatabaseError) -> bool {
        error.code().as_deref() == Some("25001")
    }

    async fn prepare(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
        let sql = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0";
        sqlx::raw_sql(sql).execute(conn).await.map(drop)
    }

    async fn settings(conn: &mut PgConnection) -> Result<String, sqlx::Error> {
        // A script that `pg_dump` made empties the path.
        const PATH: &str = "SELECT 'RESET ROLE; SELECT set_config(''search_path'', ' \
            || quote_literal(current_setting('search_path')) || ', false)'";
        Ok(only_text::<Self>(conn, PATH).await?.unwrap_or_default())
    }

    async fn try_lock(conn: &mut PgConnection, table: &str) -> Result<bool, sqlx::Error> {
        // Two locks. The first is kysera's own, for each table of migrations. The second is the one that sqlx's runner
        // takes, for the whole database: it can be given back by itself, because it stands behind a savepoint. The transaction
        // has no snapshot between two statements, so nothing waits for it.
        let begin = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = 0";
        sqlx::raw_sql(begin).execute(&mut *conn).await?;
        let own = own_lock(table);
        let locked = is_true(conn, &format!("SELECT pg_try_advisory_xact_lock({own})::text")).await? && {
            sqlx::raw_sql("SAVEPOINT kysera_shared").execute(&mut *conn).await?;
            Self::try_retake_lock(conn).await?
        };
        if !locked {
            Self::unlock(conn).await?;
        }
        Ok(locked)
    }

    async fn unlock(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
        sqlx::raw_sql("ROLLBACK").execute(conn).await.map(drop)
    }

    async fn lend_lock(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
        sqlx::raw_sql("ROLLBACK TO SAVEPOINT kysera_shared").execute(conn).await.map(drop)
    }

    async fn try_retake_lock(conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
        let shared = shared_lock(conn).await?;
        is_true(conn, &format!("SELECT pg_try_advisory_xact_lock({shared})::text")).await
    }

    async fn lock_holder(conn: &mut PgConnection, table: &str) -> Result<Option<String>, sqlx::Error> {
        // A lock of one number is shown as its two halves.
        let own = own_lock(table);
        let shared = shared_lock(conn).await?;
        let sql = format!(
            "SELECT 'process ' || l.pid || coalesce(' of ' || a.usename, '') || coalesce(' from ' || host(a.client_addr), '') \
                || coalesce(' (' || nullif(a.application_name, '') || ')', '') \
            FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid) \
            WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 \
                AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
                AND (l.classid::bigint << 32 | l.objid::bigint) IN ({own}, {shared}) LIMIT 1"
        );
        only_text::<Self>(conn, dynamic(sql)).await
    }

    async fn mark(conn: &mut PgConnection) -> Result<String, sqlx::Error> {
        Ok(only_text::<Self>(conn, "SELECT txid_current()::text").await?.unwrap_or_default())
    }

    async fn is_marked(conn: &mut PgConnection, mark: &str) -> Result<bool, sqlx::Error> {
        Ok(Self::mark(conn).await? == mark)
    }
}

/// For each table of migrations, hence for each schema.
fn own_lock(table: &str) -> String {
    let table = table.replace('\'', "''");
    format!("hashtextextended('kysera:' || coalesce(current_schema(), '') || '.{table}', 0)")
}

async fn shared_lock(conn: &mut PgConnection) -> Result<i64, sqlx::Error> {
    let database = only_text::<Postgres>(conn, "SELECT current_database()::text").await?;
    Ok(sqlx_lock(&database.unwrap_or_default()))
}

async fn is_true(conn: &mut PgConnection, sql: &str) -> Result<bool, sqlx::Error> {
    Ok(only_text::<Postgres>(conn, dynamic(sql)).await?.as_deref() == Some("true"))
}
