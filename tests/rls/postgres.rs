//! Row-level security, on PostgreSQL.

pub type DB = sqlx::Postgres;

mod cases;
#[path = "cases/fields_decimal.rs"]
mod fields_decimal;
#[path = "cases/native_installed.rs"]
mod native_installed;
#[path = "cases/native_postgres.rs"]
mod native_postgres;
#[path = "cases/native_role.rs"]
mod native_role;
#[path = "cases/native_values.rs"]
mod native_values;
