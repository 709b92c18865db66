//! The same on every backend.

mod conflicts;
mod limits;
mod outsiders;
mod polls;
mod storm;
mod tripwire;

use std::time::{Duration, Instant};

use kysera::backend::{Backend, Dialect};
use kysera::plugin::AuditTable;
use kysera::prelude::*;
use kysera_tests::{Ddl, Fixture};

use crate::DB;

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "accounts", has_many(transfers = Transfer::FROM_ID))]
pub struct Account {
    #[kysera(id, assigned)]
    pub id: i64,
    pub balance: i64,
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "transfers")]
pub struct Transfer {
    #[kysera(id, assigned)]
    pub id: i64,
    pub from_id: i64,
    pub to_id: i64,
    pub amount: i64,
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "notes")]
#[kysera::plugin(audit)]
pub struct Note {
    #[kysera(id, assigned)]
    pub id: i64,
    pub text: String,
}

pub const TABLES: Ddl = Ddl {
    postgres: "CREATE TABLE accounts (id BIGINT PRIMARY KEY, balance BIGINT NOT NULL);
        CREATE TABLE transfers (id BIGINT PRIMARY KEY, from_id BIGINT NOT NULL, to_id BIGINT NOT NULL, amount BIGINT NOT NULL);
        CREATE TABLE notes (id BIGINT PRIMARY KEY, text TEXT NOT NULL)",
    mysql: "CREATE TABLE accounts (id BIGINT PRIMARY KEY, balance BIGINT NOT NULL);
        CREATE TABLE transfers (id BIGINT PRIMARY KEY, from_id BIGINT NOT NULL, to_id BIGINT NOT NULL, amount BIGINT NOT NULL);
        CREATE TABLE notes (id BIGINT PRIMARY KEY, text VARCHAR(20) NOT NULL)",
    sqlite: "CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL);
        CREATE TABLE transfers (id INTEGER PRIMARY KEY, from_id INTEGER NOT NULL, to_id INTEGER NOT NULL, amount INTEGER NOT NULL);
        CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)",
};

/// What each account begins with.
pub const BALANCE: i64 = 1000;

/// The tables, with accounts 1 to `accounts` and a note.
pub async fn bank(connections: u32, accounts: i64) -> Fixture<DB> {
    let db = Fixture::<DB>::concurrent(&TABLES, connections).await;
    AuditTable::of::<Note>().create(db.source()).await.unwrap();
    let new = |id| NewAccount { id, balance: BALANCE };
    Account::repo(db.source()).insert_many((1..=accounts).map(new)).await.unwrap();
    Note::repo(db.source()).create(NewNote { id: 1, text: "a".into() }).await.unwrap();
    db
}

/// Everything that is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    pub accounts: Vec<Account>,
    pub transfers: Vec<Transfer>,
    pub notes: Vec<Note>,
    pub log: u64,
}

pub async fn stored(db: &Db<DB>) -> Stored {
    Stored {
        accounts: Account::repo(db).find().order_by(Account::ID.asc()).all().await.unwrap(),
        transfers: Transfer::repo(db).find().order_by(Transfer::ID.asc()).all().await.unwrap(),
        notes: Note::repo(db).find().order_by(Note::ID.asc()).all().await.unwrap(),
        log: AuditTable::of::<Note>().entries(db).count().await.unwrap(),
    }
}

/// Something that another task or the server brings about.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !is_so().await {
        assert!(start.elapsed() < Duration::from_secs(30), "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Every connection came back, and none is lost: all of them can be had at once, and answer.
pub async fn is_whole(db: &Db<DB>) {
    until("a connection does not come back", async || {
        let metrics = db.metrics();
        metrics.held == metrics.idle && metrics.waiters == 0 && metrics.transactions == 0
    })
    .await;
    let mut all = Vec::new();
    for _ in 0..db.metrics().max {
        all.push(db.acquire().await.expect("a connection is lost"));
    }
    for conn in &all {
        assert!(Account::repo(conn).find_by_id(1).await.unwrap().is_some());
    }
    assert_eq!(db.metrics().size, db.metrics().max);
}

/// No transaction has touched the tables and is still open. Asked through another door than the one under test.
pub async fn is_idle(outside: &Db<DB>) {
    // Each of them conflicts with everything that an open transaction leaves behind.
    let lock = match DB::DIALECT {
        Dialect::Postgres => {
            "DO $$ BEGIN LOCK TABLE accounts, transfers, notes IN ACCESS EXCLUSIVE MODE NOWAIT; END $$"
        }
        Dialect::MySql => {
            "SET SESSION lock_wait_timeout = 1; LOCK TABLES accounts WRITE, transfers WRITE, notes WRITE; UNLOCK TABLES"
        }
        _ => "BEGIN IMMEDIATE; COMMIT",
    };
    until("a transaction is left open", async || outside.raw_sql(lock).await.is_ok()).await;
}

pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed + 1) | 1)
    }

    pub fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }

    pub fn id(&mut self, accounts: i64) -> i64 {
        self.next(accounts as u64) as i64 + 1
    }
}
