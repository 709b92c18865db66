//! What breaks, on PostgreSQL.

pub type DB = sqlx::Postgres;

mod cases;
