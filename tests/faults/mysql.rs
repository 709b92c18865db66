//! What breaks, on MySQL.

pub type DB = sqlx::MySql;

mod cases;
mod server;

fn address(options: &sqlx::mysql::MySqlConnectOptions) -> String {
    format!("{}:{}", options.get_host(), options.get_port())
}

fn at(options: sqlx::mysql::MySqlConnectOptions, port: u16) -> sqlx::mysql::MySqlConnectOptions {
    options.host("127.0.0.1").port(port)
}
