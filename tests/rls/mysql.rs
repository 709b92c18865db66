//! Row-level security, on MySQL.

pub type DB = sqlx::MySql;

mod cases;
