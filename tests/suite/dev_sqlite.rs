pub type DB = sqlx::Sqlite;
#[path = "dev_cases.rs"]
mod cases;
