//! Transactions that are tried again.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use kysera::infra::{Retry, RetryBudget};
use kysera::prelude::*;
use kysera::{Error, Isolation};
use kysera_tests::Fixture;

use super::{COUNTERS, Counter, CounterPatch, add};
use crate::DB;

const MS: Duration = Duration::from_millis(1);

/// The lost update in its plainest form: what was read is written back with one more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_update_is_lost() {
    const TASKS: i64 = 32;
    let db = Fixture::<DB>::concurrent(&COUNTERS, 8).await;
    add(db.source(), 1).await.unwrap();
    let retry = Retry::new().attempts(200).unwrap().delays(MS, 20 * MS).unwrap();
    let tasks = (0..TASKS).map(|_| {
        let (db, retry) = (db.source().clone(), retry.clone());
        tokio::spawn(async move {
            db.begin()
                .isolation(Isolation::Serializable)
                .retry(&retry)
                .run(|tx| async move {
                    let counters = Counter::repo(&tx);
                    let value = counters.get(1).await?.value;
                    counters.update(1, CounterPatch::new().value(value + 1)).await
                })
                .await
        })
    });
    for task in join_all(tasks).await {
        task.unwrap().unwrap();
    }
    assert_eq!(db.scalar::<i64>("SELECT value FROM counters").await, TASKS);
}

/// What an attempt did is gone before the next one begins, and its connection is free: there is only one.
#[tokio::test]
async fn a_failed_attempt_leaves_nothing() {
    let db = Fixture::<DB>::new(&COUNTERS).await;
    let retry = Retry::new().delays(Duration::ZERO, Duration::ZERO).unwrap();
    let runs = AtomicU32::new(0);
    let found = retry
        .transaction(db.source(), |tx| {
            let run = runs.fetch_add(1, Ordering::Relaxed) + 1;
            async move {
                let found = Counter::repo(&tx).count().await?;
                add(&tx, run.into()).await?;
                if run < 3 { Err(sqlx::Error::PoolTimedOut.into()) } else { Ok(found) }
            }
        })
        .await;
    assert_eq!(found.unwrap(), 0);
    assert_eq!(db.column::<i64>("SELECT id FROM counters").await, [3]);
}

#[tokio::test]
async fn a_violation_is_no_reason_to_try_again() {
    let db = Fixture::<DB>::new(&COUNTERS).await;
    add(db.source(), 1).await.unwrap();
    let runs = AtomicU32::new(0);
    let taken = Retry::new()
        .transaction(db.source(), |tx| {
            runs.fetch_add(1, Ordering::Relaxed);
            async move { add(&tx, 1).await }
        })
        .await;
    assert!(taken.unwrap_err().is_unique_violation_of(Counter::ID));
    assert_eq!(runs.into_inner(), 1);
}

#[tokio::test]
async fn a_spent_budget_ends_the_retries_of_everyone() {
    let db = Fixture::<DB>::new(&COUNTERS).await;
    let budget = RetryBudget::new(2, 1).unwrap();
    let retry =
        Retry::new().attempts(5).unwrap().delays(Duration::ZERO, Duration::ZERO).unwrap().budget(&budget);
    let failing = async || {
        let failed = retry
            .transaction(db.source(), |_| async { Err::<(), _>(sqlx::Error::PoolTimedOut.into()) })
            .await;
        match failed.unwrap_err() {
            Error::GaveUp { attempts, out_of_budget: true, .. } => attempts,
            other => panic!("{other}"),
        }
    };
    assert_eq!(failing().await, 3);
    assert_eq!(failing().await, 1);
    retry.transaction(db.source(), |tx| async move { add(&tx, 1).await }).await.unwrap();
    assert_eq!(failing().await, 2);
    assert_eq!(db.scalar::<i64>("SELECT COUNT(*) FROM counters").await, 1);
}

/// The transaction only reads, by its type, and is tried again all the same.
#[tokio::test]
async fn reading_transactions_are_tried_again() {
    let db = Fixture::<DB>::new(&COUNTERS).await;
    let retry = Retry::new().delays(Duration::ZERO, Duration::ZERO).unwrap();
    let runs = AtomicU32::new(0);
    let count = db
        .source()
        .begin()
        .read_only()
        .retry(&retry)
        .run(|tx| {
            let run = runs.fetch_add(1, Ordering::Relaxed);
            async move {
                let count = Counter::repo(&tx).count().await?;
                if run == 0 { Err(sqlx::Error::PoolTimedOut.into()) } else { Ok(count) }
            }
        })
        .await;
    assert_eq!((count.unwrap(), runs.into_inner()), (0, 2));
}
