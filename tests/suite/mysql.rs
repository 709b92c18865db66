//! The cases, on MySQL or MariaDB.

pub type DB = sqlx::MySql;

#[path = "cases/aggregates_decimal.rs"]
mod aggregates_decimal;
#[path = "cases/aggregates_unsigned.rs"]
mod aggregates_unsigned;
#[path = "cases/audit_decimal.rs"]
mod audit_decimal;
mod cases;
#[path = "cases/types_decimal.rs"]
mod types_decimal;
#[path = "cases/types_mysql.rs"]
mod types_mysql;
