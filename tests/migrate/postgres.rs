//! Migrations, on PostgreSQL.

pub type DB = sqlx::Postgres;

mod cases;
