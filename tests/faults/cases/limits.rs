//! Settings at their limits, and ends: whatever was set, statements run or are refused, and nothing is lost.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use kysera::Error;
use kysera::error::PoolError;
use kysera::prelude::*;
use kysera::source::Policy;
use sqlx::pool::PoolOptions;

use super::*;

const ZERO: Duration = Duration::ZERO;

/// All that a policy says, at one end or the other. The builder is given the rest of what the fixture sets.
async fn with(policy: Policy, connections: u32) -> (Fixture<DB>, Db<DB>) {
    let outside = bank(2, 3).await;
    let builder = Db::builder().max_connections(connections).policy(policy);
    let db = builder.connect_with(outside.options()).await.unwrap();
    (outside, db)
}

/// Reads, writes, transactions and cuts, of many callers at once.
async fn works(outside: &Fixture<DB>, db: &Db<DB>) {
    let all = join_all((0..40).map(|n| async move {
        let (accounts, transfers) = (Account::repo(db), Transfer::repo(db));
        assert_eq!(accounts.get(1).await.unwrap().id, 1);
        let new = |id| NewTransfer { id, from_id: 1, to_id: 2, amount: 1 };
        transfers.create(new(10 * n)).await.unwrap();
        assert!(accounts.get(2).now_or_never().is_none_or(|end| end.is_ok()));
        db.transaction(|tx| async move { Transfer::repo(&tx).create(new(10 * n + 1)).await }).await.unwrap();
        drop(db.begin().await.unwrap());
    }));
    all.await;
    assert_eq!(Transfer::repo(db).count().await.unwrap(), 80);
    is_idle(outside.source()).await;
    is_whole(db).await;
}

#[tokio::test]
async fn nothing_is_kept() {
    for which in 0..4 {
        let mut policy = Policy::default();
        match which {
            0 => policy.idle = ZERO,
            1 => policy.turn = ZERO,
            2 => policy.hold = ZERO,
            _ => (policy.idle, policy.turn, policy.hold, policy.trust) = (ZERO, ZERO, ZERO, ZERO),
        }
        for connections in [1, 3] {
            let (outside, db) = with(policy.clone(), connections).await;
            works(&outside, &db).await;
            until("the cache does not empty", async || db.metrics().held == 0).await;
        }
    }
}

#[tokio::test]
async fn everything_is_kept() {
    let mut policy = Policy::default();
    let ever = Duration::MAX;
    (policy.acquire, policy.idle, policy.turn) = (ever, ever, ever);
    (policy.hold, policy.recover, policy.trust) = (ever, ever, ever);
    let (outside, db) = with(policy, 3).await;
    works(&outside, &db).await;
    assert_eq!(db.metrics().turned, 0);
    assert_eq!(db.metrics().held, 3);
    db.close().await;
    assert_eq!((db.metrics().held, db.metrics().size), (0, 0));
}

/// No patience at all: what is at hand is taken, and nobody waits.
#[tokio::test]
async fn nobody_waits() {
    let outside = bank(2, 3).await;
    let mut policy = Policy::default();
    policy.acquire = ZERO;
    let pool = PoolOptions::<DB>::new().max_connections(1).connect_with(outside.options()).await.unwrap();
    let db = Db::builder().policy(policy).build(pool);
    // A connection is asked for, and is there for those who come later.
    while db.metrics().idle == 0 {
        let end = Account::repo(&db).get(1).await;
        assert!(matches!(end, Ok(_) | Err(Error::Pool(PoolError::TimedOut { .. }))), "{end:?}");
        tokio::task::yield_now().await;
    }
    let conn = db.acquire().await.unwrap();
    let end = Account::repo(&db).get(1).await;
    assert!(matches!(end, Err(Error::Pool(PoolError::TimedOut { .. }))), "{end:?}");
    drop(conn);
    Account::repo(&db).get(1).await.unwrap();
    assert_eq!(db.metrics().waiters, 0);
}

/// What is cut is closed at once.
#[tokio::test]
async fn nothing_is_recovered() {
    let mut policy = Policy::default();
    policy.recover = ZERO;
    let (outside, db) = with(policy, 2).await;
    for id in 0..20 {
        let transfers = Transfer::repo(&db);
        let work = transfers.create(NewTransfer { id, from_id: 1, to_id: 2, amount: 1 });
        assert!(work.now_or_never().is_none_or(|end| end.is_ok()));
        assert_eq!(Account::repo(&db).get(1).await.unwrap().id, 1);
    }
    is_idle(outside.source()).await;
    is_whole(&db).await;
}

/// Those who wait are told, those who work go on, and it happens once.
#[tokio::test]
async fn a_pool_that_is_closed_while_others_wait() {
    let outside = bank(2, 3).await;
    let db = outside.connect(outside.options(), 2).await;
    let (tx, conn) = (db.begin().await.unwrap(), db.acquire().await.unwrap());
    let waiting: Vec<_> = (0..50)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move { db.acquire().await.map(drop) })
        })
        .collect();
    until("they do not wait", async || db.metrics().waiters == 50).await;
    let mut ends = join_all((0..3).map(|_| db.close())).boxed();
    assert!((&mut ends).now_or_never().is_none());
    for end in waiting {
        assert!(matches!(end.await.unwrap(), Err(Error::Pool(PoolError::Closed))));
    }
    Account::repo(&conn).get(1).await.unwrap();
    Transfer::repo(&tx).create(NewTransfer { id: 1, from_id: 1, to_id: 2, amount: 1 }).await.unwrap();
    assert!((&mut ends).now_or_never().is_none());
    tx.commit().await.unwrap();
    // Cut in its middle, which is no reason to wait for it for ever.
    assert!(Account::repo(&conn).get(1).now_or_never().is_none_or(|end| end.is_ok()));
    drop(conn);
    ends.await;
    let metrics = db.metrics();
    assert_eq!((metrics.size, metrics.held, metrics.waiters, metrics.transactions), (0, 0, 0, 0));
    assert_eq!(Transfer::repo(outside.source()).count().await.unwrap(), 1);
}
