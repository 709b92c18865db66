//! Migrations, on MySQL.

pub type DB = sqlx::MySql;

mod cases;
