//! Snapshots of schemas, on PostgreSQL.

pub type DB = sqlx::Postgres;

/// What stands in the names of the files of this backend.
pub const NAME: &str = "postgres";

mod cases;
