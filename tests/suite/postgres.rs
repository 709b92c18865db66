//! The cases, on PostgreSQL.

pub type DB = sqlx::Postgres;

#[path = "cases/aggregates_decimal.rs"]
mod aggregates_decimal;
#[path = "cases/arrays_postgres.rs"]
mod arrays_postgres;
#[path = "cases/audit_decimal.rs"]
mod audit_decimal;
mod cases;
#[path = "cases/types_decimal.rs"]
mod types_decimal;
#[path = "cases/types_postgres.rs"]
mod types_postgres;
