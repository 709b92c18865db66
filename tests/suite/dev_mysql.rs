pub type DB = sqlx::MySql;
#[path = "dev_cases.rs"]
mod cases;
