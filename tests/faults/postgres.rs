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

/// A URL, as programs have it, of what is behind these options.
fn url(options: &sqlx::postgres::PgConnectOptions, port: u16) -> String {
    use sqlx::ConnectOptions;

    let mut url = at(options.clone(), port).to_url_lossy();
    url.set_query(options.get_options().map(|options| format!("options={options}")).as_deref());
    url.into()
}
