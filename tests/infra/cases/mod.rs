//! The same on every backend.

pub mod deadline;
mod health;
mod retry;
mod shutdown;

use kysera::prelude::*;
use kysera_tests::Ddl;

use crate::DB;

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "counters")]
pub struct Counter {
    #[kysera(id, assigned)]
    pub id: i64,
    pub value: i64,
}

pub const COUNTERS: Ddl = Ddl {
    postgres: "CREATE TABLE counters (id BIGINT PRIMARY KEY, value BIGINT NOT NULL)",
    mysql: "CREATE TABLE counters (id BIGINT PRIMARY KEY, value BIGINT NOT NULL)",
    sqlite: "CREATE TABLE counters (id INTEGER PRIMARY KEY, value INTEGER NOT NULL)",
};

/// A counter at zero.
pub async fn add(source: &impl Writable<Database = DB>, id: i64) -> kysera::Result<()> {
    Counter::repo(source).create(NewCounter { id, value: 0 }).await.map(drop)
}
