//! Reads that see what was written before.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use kysera::error::PoolError;
use kysera::prelude::*;
use kysera::{Error, ErrorCode, Position};

use super::{Replay, is_replica, on_replica, rows, streaming};
use crate::DB;
use crate::cases::{Counter, HOUR, NewCounter, counters, served, until};

const MS: Duration = Duration::from_millis(1);

async fn add(db: &Db<DB>, id: i64) -> Position {
    Counter::repo(db).create(NewCounter { id, value: 0 }).await.unwrap();
    db.position().await.unwrap()
}

#[tokio::test]
async fn reads_come_from_the_replica() {
    let _replay = Replay::shared().await;
    let db = counters().await;
    let source = streaming(&db).wait_for_position(HOUR).connect().await.unwrap();
    assert!(is_replica(&source.replica()).await.unwrap());
    let position = source.position().await.unwrap();
    assert_eq!(rows(&source, Some(position)).await.unwrap(), 1);
    assert_eq!(rows(&source, None).await.unwrap(), 1);
    // The server itself refuses as well.
    let tx = source.replica().begin().await.unwrap();
    let write = sqlx::raw_sql("DELETE FROM counters").execute(&mut *tx.connection().await.unwrap()).await;
    assert_eq!(write.unwrap_err().as_database_error().unwrap().code().as_deref(), Some("25006"));
}

/// Also where nothing else is written that would carry the replica on.
#[tokio::test]
async fn every_write_is_seen() {
    let _replay = Replay::shared().await;
    let db = counters().await;
    let source = streaming(&db).wait_for_position(HOUR).connect().await.unwrap();
    for id in 2..60 {
        let position = add(&source, id).await;
        assert_eq!(rows(&source, Some(position)).await.unwrap(), u64::try_from(id).unwrap());
    }
    // The log goes on in a new segment, whose header nobody replays by itself: a position behind that would be waited for until
    // somebody writes.
    for _ in 0..5 {
        db.execute("SELECT pg_switch_wal()").await;
        let position = source.position().await.unwrap();
        assert!(!position.to_string().ends_with("000028"), "{position}");
        assert_eq!(rows(&source, Some(position)).await.unwrap(), 59);
    }
    // Of many callers, each its own.
    join_all((100..132).map(|id| {
        let source = &source;
        async move {
            let position = add(source, id).await;
            let replica = source.replica().at_least(position);
            assert!(Counter::repo(&replica).exists(id).await.unwrap());
            let tx = replica.begin().await.unwrap();
            assert!(Counter::repo(&tx).exists(id).await.unwrap());
        }
    }))
    .await;
}

/// The further of two positions counts, and none is none.
#[tokio::test]
async fn positions_are_put_together() {
    let replay = Replay::alone().await;
    let db = counters().await;
    let source = streaming(&db).wait_for_position(HOUR).connect().await.unwrap();
    let old = source.position().await.unwrap();
    rows(&source, Some(old)).await.unwrap();
    replay.pause().await;
    let new = add(&source, 2).await;
    assert!(new > old, "{new:?} {old:?}");
    for replica in [
        source.replica().at_least(new).at_least(old),
        source.replica().at_least(old).at_least(new).at_least(None),
    ] {
        assert!(tokio::time::timeout(50 * MS, Counter::repo(&replica).count()).await.is_err());
    }
    assert_eq!(rows(&source, Some(old)).await.unwrap(), 1);
    assert_eq!(rows(&source, None).await.unwrap(), 1);
}

#[tokio::test]
async fn a_replica_that_is_behind_is_waited_for() {
    let replay = Replay::alone().await;
    let db = counters().await;
    let source = streaming(&db).wait_for_position(HOUR).connect().await.unwrap();
    let old = source.position().await.unwrap();
    rows(&source, Some(old)).await.unwrap();
    replay.pause().await;
    let position = add(&source, 2).await;
    let before = served(&source);
    let mut read = rows(&source, Some(position)).boxed();
    assert!(tokio::time::timeout(100 * MS, &mut read).await.is_err(), "it has not got it");
    assert_eq!(served(&source), before);
    assert_eq!(rows(&source, Some(old)).await.unwrap(), 1, "who asks for less is served");
    replay.resume().await;
    assert_eq!(read.await.unwrap(), 2);
}

#[tokio::test]
async fn a_replica_that_stays_behind_does_not_serve() {
    let replay = Replay::alone().await;
    let db = counters().await;
    let strict = streaming(&db).wait_for_position(20 * MS).connect().await.unwrap();
    let lenient =
        streaming(&db).wait_for_position(Duration::ZERO).fall_back_to_primary().connect().await.unwrap();
    let old = strict.position().await.unwrap();
    until(async || rows(&strict, Some(old)).await.is_ok()).await;
    replay.pause().await;
    let position = add(&strict, 2).await;

    let error = rows(&strict, Some(position)).await.unwrap_err();
    assert!(
        matches!(error, Error::Pool(PoolError::Behind { replicas: 1, waited }) if waited == 20 * MS),
        "{error}"
    );
    assert_eq!(error.to_string(), "no replica, of 1, has come to the position within 20ms");
    assert_eq!(
        (error.code(), error.is_transient(), error.is_outage()),
        (ErrorCode::Unavailable, true, false)
    );
    assert_eq!(strict.replicas()[0].left_out, None, "for others it is good enough");
    assert_eq!(rows(&strict, Some(old)).await.unwrap(), 1);

    assert_eq!(rows(&lenient, Some(position)).await.unwrap(), 2);
    assert!(!is_replica(&lenient.replica().at_least(position)).await.unwrap());
    assert!(is_replica(&lenient.replica()).await.unwrap());
}

/// As a client may make it up, or keep it from a server that is no more.
#[tokio::test]
async fn a_position_that_does_not_exist_costs_the_wait() {
    let _replay = Replay::shared().await;
    let db = counters().await;
    let forged: Position = "FFFFFFFF/FFFFFFFF".parse().unwrap();
    let source = streaming(&db).wait_for_position(5 * MS).connect().await.unwrap();
    let errors = join_all((0..64).map(|_| rows(&source, Some(forged)))).await;
    assert!(
        errors.iter().all(|error| matches!(error, Err(Error::Pool(PoolError::Behind { .. })))),
        "{errors:?}"
    );
    let pool = source.replicas()[0].pool;
    assert_eq!((pool.held - pool.idle, pool.waiters, pool.closed), (0, 0, 0), "nothing is left of it");
    assert!(rows(&source, Some("0/0".parse().unwrap())).await.is_ok());

    let source = streaming(&db).wait_for_position(5 * MS).fall_back_to_primary().connect().await.unwrap();
    assert_eq!(rows(&source, Some(forged)).await.unwrap(), 1);
}

#[tokio::test]
async fn a_deadline_ends_the_wait() {
    let _replay = Replay::shared().await;
    let db = counters().await;
    let forged: Position = "FFFFFFFF/FFFFFFFF".parse().unwrap();
    let source = streaming(&db).wait_for_position(HOUR).fall_back_to_primary().connect().await.unwrap();
    let timed = source.clone().with_deadline(50 * MS);
    let late = rows(&timed, Some(forged)).await.unwrap_err();
    assert!(matches!(late, Error::Deadline(_)), "{late}");
    let timed = source.clone().with_deadline(50 * MS);
    let late = timed.replica().at_least(forged).begin().await.unwrap_err();
    assert!(matches!(late, Error::Deadline(_)), "{late}");
    assert_eq!(source.replicas()[0].left_out, None);
    assert_eq!(rows(&source, None).await.unwrap(), 1);
}

/// A caller that gives up leaves nobody asking.
#[tokio::test]
async fn who_does_not_wait_leaves_nothing_behind() {
    let _replay = Replay::shared().await;
    let db = counters().await;
    let forged: Position = "FFFFFFFF/FFFFFFFF".parse().unwrap();
    let source = streaming(&db).wait_for_position(HOUR).connect().await.unwrap();
    for polls in 1..40_u32 {
        let mut read = rows(&source, Some(forged)).boxed();
        let mut left = polls;
        std::future::poll_fn(|cx| {
            assert!(read.poll_unpin(cx).is_pending());
            left -= 1;
            if left == 0 { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
    }
    until(async || {
        let pool = source.replicas()[0].pool;
        pool.held == pool.idle
    })
    .await;
    let metrics = &source.replicas()[0];
    assert_eq!((metrics.pool.waiters, metrics.pool.closed, &metrics.left_out), (0, 0, &None));
    assert!(rows(&source, None).await.is_ok());
}

/// A primary in the place of a replica, as on the machine of a developer or after a failover, is where it is.
#[tokio::test]
async fn the_same_server_as_its_own_replica() {
    let db = counters().await;
    let source = crate::cases::two(&db).await;
    let position = add(&source, 2).await;
    assert_eq!(rows(&source, Some(position)).await.unwrap(), 2);
    let source = db.source();
    assert_eq!(rows(source, Some(position)).await.unwrap(), 2, "and so is a database without any");
}

/// Where one has read, the next one is at least as far.
#[tokio::test]
async fn a_replica_has_a_position_as_well() {
    let _replay = Replay::shared().await;
    let db = counters().await;
    let source = streaming(&db).wait_for_position(HOUR).connect().await.unwrap();
    let written = source.position().await.unwrap();
    rows(&source, Some(written)).await.unwrap();
    let replica = db.connect(on_replica(&db), 1).await;
    let read = replica.position().await.unwrap();
    assert!(read >= written, "{read} {written}");
    assert_eq!(rows(&source, Some(read)).await.unwrap(), 1);
}

#[test]
fn positions_are_texts() {
    let position: Position = "16/B374D848".parse().unwrap();
    assert_eq!(position.to_string(), "16/B374D848");
    assert_eq!(format!("{position:?}"), "Position(16/B374D848)");
    assert_eq!("0/a".parse::<Position>().unwrap().to_string(), "0/A");
    assert_eq!(serde_json::from_str::<Position>(r#""16/B374D848""#).unwrap(), position);
    assert_eq!(serde_json::from_value::<Position>(serde_json::json!("16/B374D848")).unwrap(), position);
    for odd in ["", "16", "16/", "16/B374D848;", "16/B374D8481", "-1/0"] {
        let error = odd.parse::<Position>().unwrap_err();
        assert_eq!(error.code(), ErrorCode::BadRequest);
        assert!(odd.is_empty() || !error.to_string().contains(odd), "{error}");
        assert!(serde_json::from_value::<Position>(serde_json::json!(odd)).is_err());
    }
    assert!(serde_json::from_str::<Position>("17").is_err());
}
