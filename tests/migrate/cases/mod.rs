//! The same on every backend.

mod dry;
mod kill;
mod roundcube;
mod runners;
mod runs;
mod rust;
mod with_sqlx;

use std::time::Duration;

use kysera::error::MigrationError;
use kysera::migrate::Migrator;
use kysera::{Backend, Error};
use kysera_tests::Fixture;
use sqlx::migrate::{MigrateError, Migration as File, MigrationType};
use sqlx::{AssertSqlSafe, Connection, Database, SqlSafeStr};

use crate::DB;

/// Whether what changes the schema is undone by ROLLBACK.
pub const UNDOES_DDL: bool = !matches!(DB::DIALECT, kysera::backend::Dialect::MySql);

/// A file, as sqlx would read it: `up` is `0001_name.sql`, `.up.sql` or `.down.sql`.
pub fn file(version: i64, kind: MigrationType, sql: &str) -> File {
    let no_tx = sql.starts_with("-- no-transaction");
    let sql = AssertSqlSafe(sql).into_sql_str();
    File::new(version, format!("number {version}").into(), kind, sql, no_tx)
}

/// Files that go one way.
pub fn ups(files: &[(i64, &str)]) -> Vec<File> {
    files.iter().map(|(version, sql)| file(*version, MigrationType::Simple, sql)).collect()
}

/// A pair that makes and drops a table of one column.
pub fn pair(version: i64) -> [File; 2] {
    [
        file(version, MigrationType::ReversibleUp, &format!("CREATE TABLE t{version} (n INT)")),
        file(version, MigrationType::ReversibleDown, &format!("DROP TABLE t{version}")),
    ]
}

pub fn pairs(versions: impl IntoIterator<Item = i64>) -> Vec<File> {
    versions.into_iter().flat_map(pair).collect()
}

pub fn sqlx_migrator(files: Vec<File>) -> sqlx::migrate::Migrator {
    sqlx::migrate::Migrator::with_migrations(files)
}

pub fn migrator(files: Vec<File>) -> Migrator<DB> {
    Migrator::from_sqlx(&sqlx_migrator(files)).unwrap().lock_timeout(Duration::from_secs(60))
}

/// By sqlx's runner, on a connection of its own: when it fails it does not give its lock back, but the end of its connection does.
pub async fn by_sqlx(db: &Fixture<DB>, files: Vec<File>) -> Result<(), MigrateError> {
    let mut conn = <DB as Database>::Connection::connect_with(&db.options()).await.unwrap();
    let end = sqlx_migrator(files).run_direct(None, &mut conn, false).await;
    conn.close().await.unwrap();
    end
}

/// What the table says: versions, each with whether it came to its end.
pub async fn table(db: &Fixture<DB>) -> Vec<(i64, bool)> {
    let versions = db.column::<i64>("SELECT version FROM _sqlx_migrations ORDER BY version").await;
    let success = db.column::<bool>("SELECT success FROM _sqlx_migrations ORDER BY version").await;
    versions.into_iter().zip(success).collect()
}

/// Whether a table of the test's is there.
pub async fn has(db: &Fixture<DB>, table: &str) -> bool {
    let conn = db.source().acquire().await.unwrap();
    let sql = AssertSqlSafe(format!("SELECT 1 FROM {table}"));
    sqlx::raw_sql(sql).execute(&mut *conn.connection().await.unwrap()).await.is_ok()
}

pub fn problem(error: Error) -> MigrationError {
    match error {
        Error::Migration(error) => *error,
        other => panic!("{other}"),
    }
}
