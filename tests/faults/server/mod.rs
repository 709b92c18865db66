//! What needs a server, and a network that breaks.

mod cuts;
mod middle;
mod network;
mod restart;

use std::time::Duration;

use kysera::prelude::*;
use kysera::source::{DbBuilder, Policy};
use kysera::{Error, ErrorCode, Result};
use kysera_tests::Fixture;
use kysera_tests::proxy::Proxy;

use crate::cases::{Account, BALANCE, NewTransfer, Transfer, bank};
use crate::{DB, address, at, url};

const ACCOUNTS: i64 = 3;

/// A bank, the way to it, and the same bank by that way.
struct Line {
    outside: Fixture<DB>,
    proxy: Proxy,
    db: Db<DB>,
}

impl Line {
    async fn new(builder: DbBuilder<DB>) -> Self {
        let outside = bank(2, ACCOUNTS).await;
        let proxy = Proxy::start(address(&outside.options())).await;
        let db = builder.connect_with(at(outside.options(), proxy.address().port())).await.unwrap();
        Line { outside, proxy, db }
    }

    /// One over which nothing goes but what a test asks for.
    async fn still(connections: u32) -> Self {
        Self::new(still(Db::builder()).max_connections(connections)).await
    }

    /// The numbers of the transfers that are stored.
    async fn transfers(&self) -> Vec<i64> {
        // A statement that stays prepared: closing one makes the next wait for a delayed acknowledgement on MySQL.
        let transfers = Transfer::repo(self.outside.source());
        let all = transfers.find().order_by(Transfer::ID.asc()).all().await;
        all.unwrap().into_iter().map(|transfer| transfer.id).collect()
    }
}

/// A database that keeps its connections: nothing goes over the wire but what a test asks for.
fn still(builder: DbBuilder<DB>) -> DbBuilder<DB> {
    const LONG: Duration = Duration::from_secs(60 * 60);
    let mut policy = Policy::default();
    (policy.idle, policy.turn, policy.hold, policy.trust) = (LONG, LONG, LONG, LONG);
    builder.policy(policy)
}

/// Fails unless the answer is right.
async fn ask(db: &Db<DB>) -> Result<()> {
    assert_eq!(Account::repo(db).get(2).await?, Account { id: 2, balance: BALANCE });
    Ok(())
}

/// The connection broke, and the error says so.
fn is_broken(error: &Error) -> bool {
    error.code() == ErrorCode::ConnectionFailed && error.is_outage()
}

async fn create(source: &impl Writable<Database = DB, Context = ()>, id: i64) -> Result<()> {
    let new = NewTransfer { id, from_id: 1, to_id: 2, amount: 3 };
    assert_eq!(Transfer::repo(source).create(new).await?, Transfer { id, from_id: 1, to_id: 2, amount: 3 });
    Ok(())
}
