//! The same on every backend. The replicas are more addresses of the same database.

mod ends;
mod health;
mod turns;

use std::time::Duration;

use kysera::prelude::*;
use kysera::source::ClusterBuilder;
use kysera_tests::{Ddl, Fixture};

use crate::DB;

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "counters")]
pub struct Counter {
    #[kysera(id, assigned)]
    pub id: i64,
    pub value: i64,
}

pub const COUNTERS: Ddl = Ddl {
    postgres: "CREATE TABLE counters (id BIGINT PRIMARY KEY, value BIGINT NOT NULL); INSERT INTO counters VALUES (1, 7)",
    mysql: "CREATE TABLE counters (id BIGINT PRIMARY KEY, value BIGINT NOT NULL); INSERT INTO counters VALUES (1, 7)",
    sqlite: "CREATE TABLE counters (id INTEGER PRIMARY KEY, value INTEGER NOT NULL); INSERT INTO counters VALUES (1, 7)",
};

pub const HOUR: Duration = Duration::from_secs(60 * 60);

/// A database with the counters, for several connections at a time.
pub async fn counters() -> Fixture<DB> {
    Fixture::concurrent(&COUNTERS, 2).await
}

/// With no replicas yet.
pub fn cluster(db: &Fixture<DB>) -> ClusterBuilder<DB> {
    Db::builder().primary_with(db.options())
}

/// The same database as two replicas of itself.
pub async fn two(db: &Fixture<DB>) -> Db<DB> {
    let builder = cluster(db).replica_with(db.options()).replica_with(db.options());
    builder.connect().await.unwrap()
}

pub fn served(db: &Db<DB>) -> Vec<u64> {
    db.replicas().iter().map(|replica| replica.served).collect()
}

pub async fn read(source: &impl Source<Database = DB, Context = ()>) -> kysera::Result<i64> {
    Counter::repo(source).get(1).await.map(|counter| counter.value)
}

/// Until something that other tasks or servers bring about has happened.
pub async fn until(mut done: impl AsyncFnMut() -> bool) {
    let done = async {
        // What answers at once lets nobody else work.
        while !done().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), done).await.expect("it never happens");
}
