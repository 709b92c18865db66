pub type DB = sqlx::Postgres;
#[path = "dev_cases.rs"]
mod cases;
