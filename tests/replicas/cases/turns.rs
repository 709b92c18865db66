//! Who reads next.

use futures_util::TryStreamExt;
use futures_util::future::{join_all, try_join_all};
use kysera::error::PoolError;
use kysera::infra::Retry;
use kysera::prelude::*;
use kysera::{Concurrent, Error, ErrorCode, dal};

use super::{Counter, HOUR, NewCounter, cluster, counters, read, served, two, until};
use crate::{DB, away};

#[tokio::test]
async fn a_database_without_replicas_is_read_itself() {
    let db = counters().await;
    assert_eq!(read(&db.source().replica()).await.unwrap(), 7);
    assert!(db.source().replicas().is_empty());
    let alone = cluster(&db).connect().await.unwrap();
    assert_eq!(read(&alone.replica()).await.unwrap(), 7);
}

#[tokio::test]
async fn statements_take_turns() {
    let db = counters().await;
    let source = two(&db).await;
    let replica = source.replica();
    for _ in 0..10 {
        assert_eq!(read(&replica).await.unwrap(), 7);
    }
    assert_eq!(served(&source), [5, 5]);
    // Whoever asks, and with however many handles.
    try_join_all((0..10).map(|_| async { read(&source.clone().replica()).await })).await.unwrap();
    assert_eq!(served(&source), [10, 10]);
    let rows: Vec<Counter> = Counter::repo(&replica).find().stream().try_collect().await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(served(&source), [11, 10]);
}

#[tokio::test]
async fn the_primary_is_written() {
    let db = counters().await;
    let source = two(&db).await;
    Counter::repo(&source).create(NewCounter { id: 2, value: 0 }).await.unwrap();
    assert_eq!(Counter::repo(&source).count().await.unwrap(), 2);
    assert_eq!(served(&source), [0, 0]);
}

/// As a bound.
async fn both<S: Concurrent<Database = DB, Context = ()>>(source: &S) -> kysera::Result<(i64, i64)> {
    dal::parallel(source, (|db| async move { read(db).await }, |db| async move { read(db).await })).await
}

#[tokio::test]
async fn statements_run_at_the_same_time() {
    let db = counters().await;
    let source = two(&db).await;
    assert_eq!(both(&source.replica()).await.unwrap(), (7, 7));
    assert_eq!(served(&source), [1, 1]);
}

#[tokio::test]
async fn a_transaction_stays_where_it_is() {
    let db = counters().await;
    let source = two(&db).await;
    let tx = source.replica().begin().await.unwrap();
    for _ in 0..3 {
        assert_eq!(read(&tx).await.unwrap(), 7);
    }
    let open: Vec<usize> = source.replicas().iter().map(|replica| replica.pool.transactions).collect();
    assert_eq!((open, source.metrics().transactions), (vec![1, 0], 0));
    tx.commit().await.unwrap();
    let replica = source.replica();
    assert_eq!(replica.begin().run(|tx| async move { read(&tx).await }).await.unwrap(), 7);
    assert_eq!(served(&source), [1, 1]);
    // Each attempt on another one.
    let retry = Retry::new().delays(std::time::Duration::ZERO, std::time::Duration::ZERO).unwrap();
    let gave_up = replica
        .begin()
        .retry(&retry)
        .run(|tx| async move {
            read(&tx).await?;
            Err::<(), _>(Error::other(sqlx::Error::PoolTimedOut))
        })
        .await;
    assert!(matches!(gave_up, Err(Error::GaveUp { attempts: 3, .. })), "{gave_up:?}");
    assert_eq!(served(&source), [3, 2]);
}

#[tokio::test]
async fn it_is_on_behalf_of_whom_the_database_is() {
    let db = counters().await;
    let source = two(&db).await;
    let session = source.clone().with_context("Ada".to_string());
    let replica = session.replica();
    assert_eq!(replica.context(), "Ada");
    assert_eq!(Counter::repo(&replica).count().await.unwrap(), 1);
    let tx = replica.begin().await.unwrap();
    assert_eq!(tx.context(), "Ada");
    tx.rollback().await.unwrap();
    let elsewhere = source.in_schema("no_such_schema").unwrap();
    Counter::repo(&elsewhere.replica()).count().await.unwrap_err();
}

#[tokio::test]
async fn one_that_is_away_is_left_out() {
    let db = counters().await;
    let away = away(&db).await;
    let builder = cluster(&db).replica_with(away.options.clone()).replica_with(db.options());
    let source = builder.pause(HOUR).connect().await.unwrap();
    join_all((0..10).map(|_| async { assert_eq!(read(&source.replica()).await.unwrap(), 7) })).await;
    assert_eq!(served(&source), [0, 10]);
    let [gone, there] = &source.replicas()[..] else { panic!() };
    assert!(gone.left_out.is_some() && there.left_out.is_none(), "{gone:?} {there:?}");
    assert_eq!(gone.pool.size, 0);
}

#[tokio::test]
async fn without_any_replica_nothing_is_read_or_the_primary() {
    let db = counters().await;
    let away = away(&db).await;
    let builder = || cluster(&db).replica_with(away.options.clone()).pause(HOUR);
    let source = builder().connect().await.unwrap();
    let name = source.replicas()[0].name.clone();
    for error in [
        read(&source.replica()).await.unwrap_err(),
        source.replica().begin().await.unwrap_err(),
        Counter::repo(&source.replica()).find().stream().try_next().await.unwrap_err(),
    ] {
        let Error::Pool(PoolError::NoReplica { why }) = &error else { panic!("{error}") };
        assert!(why.len() == 1 && why[0].starts_with(&format!("{name}: ")), "{why:?}");
        assert!(error.to_string().starts_with("no replica can be used, of 1: "), "{error}");
        assert_eq!(error.code(), ErrorCode::Unavailable);
        assert!(error.is_transient() && error.is_outage());
    }
    assert_eq!(read(&source).await.unwrap(), 7, "the primary is there");

    let source = builder().fall_back_to_primary().connect().await.unwrap();
    assert_eq!(read(&source.replica()).await.unwrap(), 7);
    assert_eq!(read(&source.replica().begin().await.unwrap()).await.unwrap(), 7);
    assert_eq!(served(&source), [0]);
}

#[tokio::test]
async fn one_that_comes_is_taken() {
    let db = counters().await;
    let away = away(&db).await;
    let source = cluster(&db)
        .replica_with(away.options.clone())
        .pause(std::time::Duration::ZERO)
        .connect()
        .await
        .unwrap();
    read(&source.replica()).await.unwrap_err();
    away.come(&db).await;
    until(async || match read(&source.replica()).await {
        Ok(value) => value == 7,
        Err(Error::Pool(PoolError::NoReplica { .. })) => false,
        Err(other) => panic!("{other}"),
    })
    .await;
    assert_eq!(source.replicas()[0].left_out, None);
    assert_eq!(served(&source), [1]);
}

#[test]
fn nothing_panics_outside_of_a_runtime() {
    use futures_util::FutureExt;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let db = runtime.block_on(counters());
    let source = runtime.block_on(two(&db));
    let error = read(&source.replica()).now_or_never().unwrap().unwrap_err();
    assert!(matches!(error, Error::BadRequest(_)), "{error}");
    let health = source.health().now_or_never().unwrap();
    assert_eq!((health.errors.len(), health.replicas[0].health.errors.len()), (1, 1));
    assert!(runtime.block_on(read(&source.replica())).is_ok());
    runtime.block_on(source.close());
}
