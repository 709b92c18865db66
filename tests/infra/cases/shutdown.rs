//! An orderly end.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use kysera::error::{ErrorCode, PoolError};
use kysera::infra::{Shutdown, ShutdownReport, Status};
use kysera::prelude::*;
use kysera::{Error, Result};
use kysera_tests::Fixture;

use super::{COUNTERS, add};
use crate::DB;

const LONG: Duration = Duration::from_secs(60 * 60);

fn refused<T>(result: Result<T>) {
    match result {
        Err(Error::Pool(PoolError::ShuttingDown)) => {}
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("not refused"),
    }
}

/// What is stored, seen from outside of a database that is closed.
async fn stored(db: &Fixture<DB>) -> i64 {
    let outside = db.connect(db.options(), 1).await;
    i64::try_from(super::Counter::repo(&outside).count().await.unwrap()).unwrap()
}

#[tokio::test]
async fn what_is_under_way_goes_on_and_nothing_new_begins() {
    let db = Fixture::<DB>::concurrent(&COUNTERS, 1).await;
    let source = db.source();
    let tx = source.begin().await.unwrap();
    add(&tx, 1).await.unwrap();
    assert_eq!(source.metrics().transactions, 1);
    let mut waiting = source.acquire().boxed();
    assert!((&mut waiting).now_or_never().is_none());

    let shutdown = Shutdown::new(source).deadline(LONG);
    assert!(!shutdown.has_begun());
    let mut end = shutdown.run().boxed();
    assert!((&mut end).now_or_never().is_none());
    assert!(shutdown.has_begun());
    refused(source.acquire().now_or_never().expect("at once"));
    refused(waiting.await);
    refused(source.acquire().await);
    refused(source.begin().await);
    refused(source.transaction(|tx| async move { add(&tx, 3).await }).await);
    refused(add(&source.clone().with_context(()), 3).await);
    let health = source.health().await;
    assert_eq!(health.status, Status::Unhealthy);
    assert_eq!(health.errors, ["the program ends, and the database takes no new work: ask another instance"]);
    let error = Error::Pool(PoolError::ShuttingDown);
    assert_eq!(
        (error.code(), error.is_transient(), error.is_outage()),
        (ErrorCode::Unavailable, false, false)
    );

    // Savepoints need no connection of their own.
    tx.transaction(|tx| async move { add(&tx, 2).await }).await.unwrap();
    assert!((&mut end).now_or_never().is_none());
    tx.commit().await.unwrap();
    let report = end.await.unwrap();
    assert!(report.is_clean());
    assert_eq!(report.to_string(), "the database was shut down, and nothing was left open");
    assert_eq!((source.metrics().transactions, source.metrics().size), (0, 0));
    assert_eq!(stored(&db).await, 2);
    refused(source.acquire().await);
}

/// The deadline is met with the clock standing still, which then goes to whatever is due first.
async fn give_up(shutdown: Shutdown<DB>) -> (Shutdown<DB>, ShutdownReport) {
    tokio::time::pause();
    let report = shutdown.run().await.unwrap();
    tokio::time::resume();
    assert!(!report.is_clean());
    (shutdown, report)
}

#[tokio::test]
async fn a_transaction_that_never_ends_is_reported() {
    let db = Fixture::<DB>::concurrent(&COUNTERS, 2).await;
    let source = db.source();
    let tx = source.begin().await.unwrap();
    add(&tx, 1).await.unwrap();
    let conn = source.acquire().await.unwrap();
    let (shutdown, report) = give_up(Shutdown::new(source)).await;
    assert_eq!((report.transactions, report.connections), (1, 2));
    assert_eq!(
        report.to_string(),
        "the database was shut down with 1 transaction(s) and 2 connection(s) still open"
    );

    // It happens once.
    assert_eq!(shutdown.run().await.unwrap(), report);
    drop(conn);
    add(&tx, 2).await.unwrap();
    drop(tx);
    source.close().await;
    assert_eq!((source.metrics().size, source.metrics().transactions), (0, 0));
    assert_eq!(stored(&db).await, 0, "it was never committed");
}

#[tokio::test]
async fn connections_that_sqlx_lent_are_waited_for() {
    // The only one: another would be on its way back while the clock runs ahead.
    let db = Fixture::<DB>::concurrent(&COUNTERS, 1).await;
    let _conn = db.connection().await;
    let (_, report) = give_up(Shutdown::new(db.source()).deadline(Duration::from_secs(1))).await;
    assert_eq!((report.transactions, report.connections), (0, 1));
}

#[tokio::test]
async fn without_patience() {
    let db = Fixture::<DB>::concurrent(&COUNTERS, 1).await;
    let tx = db.source().begin().await.unwrap();
    let (_, report) = give_up(Shutdown::new(db.source()).deadline(Duration::ZERO)).await;
    assert_eq!((report.transactions, report.connections), (1, 1));
    drop(tx);
}

#[tokio::test]
async fn many_callers_wait_for_one_end() {
    let db = Fixture::<DB>::concurrent(&COUNTERS, 1).await;
    let tx = db.source().begin().await.unwrap();
    let shutdown = Shutdown::new(db.source()).deadline(LONG);
    // One that is given up is taken over by the next.
    assert!(shutdown.run().now_or_never().is_none());
    let mut ends = join_all((0..5).map(|_| shutdown.run()));
    assert!((&mut ends).now_or_never().is_none());
    tx.rollback().await.unwrap();
    for end in ends.await {
        assert!(end.unwrap().is_clean());
    }
}

/// And so are those that nobody used, which sqlx keeps until the last one is back.
#[tokio::test]
async fn what_comes_back_late_is_closed() {
    let db = Fixture::<DB>::concurrent(&COUNTERS, 3).await;
    let source = db.source();
    let late = source.begin().await.unwrap();
    drop((db.connection().await, db.connection().await));
    until(|| source.pool().num_idle() == 2).await;
    let report = Shutdown::new(source).deadline(Duration::ZERO).run().await.unwrap();
    assert_eq!(report.transactions, 1);
    late.commit().await.unwrap();
    until(|| source.metrics().size == 0).await;
}

/// Something that another task brings about.
async fn until(done: impl Fn() -> bool) {
    let done = async {
        while !done() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), done).await.expect("it never happens");
}
