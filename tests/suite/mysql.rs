//! The cases, on MySQL or MariaDB.

pub type DB = sqlx::MySql;

mod cases;
#[path = "cases/types_decimal.rs"]
mod types_decimal;
#[path = "cases/types_mysql.rs"]
mod types_mysql;
