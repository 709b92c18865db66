//! Snapshots of schemas, on MySQL.

pub type DB = sqlx::MySql;

/// What stands in the names of the files of this backend.
pub const NAME: &str = "mysql";

mod cases;
