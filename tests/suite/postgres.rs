//! The cases, on PostgreSQL.

pub type DB = sqlx::Postgres;

mod cases;
