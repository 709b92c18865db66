//! Snapshots of schemas, on SQLite.

pub type DB = sqlx::Sqlite;

/// What stands in the names of the files of this backend.
pub const NAME: &str = "sqlite";

mod cases;
