//! The cases, on PostgreSQL.

pub type DB = sqlx::Postgres;

#[path = "cases/arrays_postgres.rs"]
mod arrays_postgres;
mod cases;
#[path = "cases/types_decimal.rs"]
mod types_decimal;
#[path = "cases/types_postgres.rs"]
mod types_postgres;
