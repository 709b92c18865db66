//! The cases, on SQLite.

pub type DB = sqlx::Sqlite;

#[path = "cases/aggregates_unsigned.rs"]
mod aggregates_unsigned;
mod cases;
