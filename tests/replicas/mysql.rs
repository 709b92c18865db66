//! Reads from replicas, on MySQL.

use kysera_tests::Fixture;
use kysera_tests::proxy::Proxy;
use sqlx::mysql::MySqlConnectOptions;

pub type DB = sqlx::MySql;

mod cases;
mod server;

fn address(options: &MySqlConnectOptions) -> String {
    format!("{}:{}", options.get_host(), options.get_port())
}

fn at(options: MySqlConnectOptions, port: u16) -> MySqlConnectOptions {
    options.host("127.0.0.1").port(port)
}

/// A replica that is not there yet.
pub struct Away {
    pub options: MySqlConnectOptions,
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
