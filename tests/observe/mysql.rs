//! What observers are told, on MySQL and MariaDB.

pub type DB = sqlx::MySql;

mod cases;
