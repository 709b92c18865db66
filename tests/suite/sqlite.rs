//! The cases, on SQLite.

pub type DB = sqlx::Sqlite;

#[path = "cases/aggregates_unsigned.rs"]
mod aggregates_unsigned;
#[path = "cases/audit_attached.rs"]
mod audit_attached;
mod cases;
