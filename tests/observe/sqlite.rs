//! What observers are told, on SQLite.

pub type DB = sqlx::Sqlite;

mod cases;
