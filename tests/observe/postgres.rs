//! What observers are told, on PostgreSQL.

pub type DB = sqlx::Postgres;

mod cases;
