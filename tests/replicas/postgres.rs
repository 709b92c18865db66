//! Reads from replicas, on PostgreSQL.

use kysera_tests::Fixture;
use kysera_tests::proxy::Proxy;
use sqlx::postgres::PgConnectOptions;

pub type DB = sqlx::Postgres;

mod cases;
mod server;
mod streaming;

fn address(options: &PgConnectOptions) -> String {
    format!("{}:{}", options.get_host(), options.get_port())
}

fn at(options: PgConnectOptions, port: u16) -> PgConnectOptions {
    options.host("127.0.0.1").port(port)
}

/// A replica that is not there yet.
pub struct Away {
    pub options: PgConnectOptions,
    proxy: Proxy,
}

pub async fn away(db: &Fixture<DB>) -> Away {
    let proxy = Proxy::start(address(&db.options())).await;
    proxy.refuse();
    Away { options: at(db.options(), proxy.address().port()), proxy }
}

impl Away {
    pub async fn come(&self, _: &Fixture<DB>) {
        self.proxy.accept();
    }
}
