//! What breaks, on PostgreSQL.

pub type DB = sqlx::Postgres;

mod cases;
mod server;

fn address(options: &sqlx::postgres::PgConnectOptions) -> String {
    format!("{}:{}", options.get_host(), options.get_port())
}

fn at(options: sqlx::postgres::PgConnectOptions, port: u16) -> sqlx::postgres::PgConnectOptions {
    options.host("127.0.0.1").port(port)
}
