//! Transactions that are in each other's way, and are tried again: nothing is lost, and nothing happens twice.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::try_join_all;
use kysera::Isolation;
use kysera::backend::{Backend, Dialect};
use kysera::infra::Retry;
use kysera::prelude::*;
use sqlx::SqlSafeStr;
use tokio::sync::Barrier;

use super::*;

const TASKS: i64 = 32;
const EACH: i64 = 5;

/// As often as it takes, but not for ever.
fn patient() -> Retry {
    let retry = Retry::new().attempts(500).unwrap();
    retry.delays(Duration::from_millis(1), Duration::from_millis(20)).unwrap()
}

/// Each of them reads a number and writes the next one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_update_is_lost() {
    let db = bank(8, 3).await;
    let (retry, tries, readers) = (patient(), AtomicU64::new(0), Barrier::new(8));
    let all = (0..TASKS).map(|_| async {
        for _ in 0..EACH {
            let begin = db.source().begin().isolation(Isolation::Serializable).retry(&retry);
            begin
                .run(|tx| {
                    let first = tries.fetch_add(1, Ordering::Relaxed) < 8;
                    let readers = &readers;
                    async move {
                        let accounts = Account::repo(&tx);
                        let balance = accounts.get(1).await?.balance;
                        // One writer at a time there, who has the lock before it reads.
                        if first && DB::DIALECT != Dialect::Sqlite {
                            readers.wait().await;
                        }
                        accounts.update(1, AccountPatch::new().balance(balance + 1)).await
                    }
                })
                .await?;
        }
        Ok::<_, kysera::Error>(())
    });
    try_join_all(all).await.unwrap();
    let tries = tries.into_inner();
    eprintln!("{} increments in {tries} attempts", TASKS * EACH);
    assert_eq!(Account::repo(db.source()).get(1).await.unwrap().balance, BALANCE + TASKS * EACH);
    let in_the_way = if DB::DIALECT == Dialect::Sqlite { 0 } else { 7 };
    assert!(tries >= (TASKS * EACH) as u64 + in_the_way, "nobody was in anybody's way");
    is_idle(db.source()).await;
    is_whole(db.source()).await;
}

/// Half of them take the rows in one order, and half in the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_in_a_deadlock_happens_once() {
    let db = bank(8, 3).await;
    let (retry, tries) = (patient(), AtomicU64::new(0));
    let all = (0..TASKS).map(|task| {
        let (db, retry, tries) = (db.source(), &retry, &tries);
        async move {
            for n in 0..EACH {
                let (from, to) = if task % 2 == 0 { (1, 2) } else { (2, 1) };
                retry
                    .transaction(db, |tx| {
                        tries.fetch_add(1, Ordering::Relaxed);
                        async move {
                            if DB::DIALECT == Dialect::Postgres {
                                // It looks for deadlocks after a second only.
                                let mut conn = tx.connection().await?;
                                DB::raw(&mut conn, "SET LOCAL deadlock_timeout = '5ms'".into_sql_str())
                                    .await?;
                            }
                            let accounts = Account::repo(&tx);
                            let one = |id| accounts.find().filter(Account::ID.eq(id));
                            one(from).set(Account::BALANCE, Account::BALANCE.minus(1)).execute().await?;
                            // Lets others come in between.
                            tokio::task::yield_now().await;
                            one(to).set(Account::BALANCE, Account::BALANCE.plus(1)).execute().await?;
                            let new =
                                NewTransfer { id: task * EACH + n, from_id: from, to_id: to, amount: 1 };
                            Transfer::repo(&tx).create(new).await
                        }
                    })
                    .await?;
            }
            Ok::<_, kysera::Error>(())
        }
    });
    try_join_all(all).await.unwrap();
    eprintln!("{} transfers in {} attempts", TASKS * EACH, tries.into_inner());
    let Stored { accounts, transfers, .. } = stored(db.source()).await;
    assert!(accounts.iter().all(|account| account.balance == BALANCE), "{accounts:?}");
    assert_eq!(transfers.len(), (TASKS * EACH) as usize);
    is_idle(db.source()).await;
    is_whole(db.source()).await;
}
