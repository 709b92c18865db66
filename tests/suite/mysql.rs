//! The cases, on MySQL or MariaDB.

pub type DB = sqlx::MySql;

mod cases;
