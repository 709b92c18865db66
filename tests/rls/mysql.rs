//! Row-level security, on MySQL.

pub type DB = sqlx::MySql;

mod cases;
#[path = "cases/fields_decimal.rs"]
mod fields_decimal;
