//! Migrations, on MySQL.

pub type DB = sqlx::MySql;

mod cases;

fn url(options: &sqlx::mysql::MySqlConnectOptions) -> String {
    sqlx::ConnectOptions::to_url_lossy(options).to_string()
}
