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

/// A URL, as programs have it, of what is behind these options.
fn url(options: &sqlx::mysql::MySqlConnectOptions, port: u16) -> String {
    use sqlx::ConnectOptions;

    let mut url = at(options.clone(), port).to_url_lossy();
    url.set_query(None);
    url.into()
}
