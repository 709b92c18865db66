//! What a service needs around its database, on SQLite.

pub type DB = sqlx::Sqlite;

mod cases;
