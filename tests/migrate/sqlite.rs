//! Migrations, on SQLite.

pub type DB = sqlx::Sqlite;

mod cases;
