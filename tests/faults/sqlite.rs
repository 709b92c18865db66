//! What breaks, on SQLite.

pub type DB = sqlx::Sqlite;

mod cases;
mod writers;
