//! Rows, ends and waiting.

use std::pin::pin;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt, TryStreamExt};
use kysera::Error;
use kysera::prelude::*;
use kysera::relation::load_many;
use kysera_tests::observed::{Log, Told};

use super::world::*;
use crate::DB;

fn only(told: Vec<Told>) -> Told {
    assert_eq!(told.len(), 1, "{told:?}");
    told.into_iter().next().unwrap()
}

#[tokio::test]
async fn rows_are_those_that_were_read_or_written() {
    let fixture = world().await;
    let log = Log::new();
    let db = watched(&fixture, log.clone());
    let notes = Note::repo(&db);
    let rows = |log: &Log| -> Vec<u64> {
        log.take().iter().filter(|told| told.operation.table.is_some()).map(|told| told.rows).collect()
    };
    notes.insert_many((0..5).map(|n| note(&n.to_string()))).await.unwrap();
    assert_eq!(rows(&log), [5]);
    notes.find_all().await.unwrap();
    assert_eq!(rows(&log), [5]);
    notes.find_by_ids([1, 2, 77]).await.unwrap();
    assert_eq!(rows(&log), [2]);
    notes.find_by_id(1).await.unwrap();
    notes.find_by_id(77).await.unwrap();
    assert_eq!(rows(&log), [1, 0]);
    notes.count().await.unwrap();
    assert_eq!(rows(&log), [1]);
    notes.find().stream().try_collect::<Vec<_>>().await.unwrap();
    assert_eq!(rows(&log), [5]);
    notes.find().filter(Note::ID.le(3)).update(NotePatch::new().thing_id(2)).await.unwrap();
    assert_eq!(rows(&log), [3]);
    notes.find().filter(Note::ID.le(2)).delete().await.unwrap();
    assert_eq!(rows(&log), [2]);
    assert!(!notes.delete(77).await.unwrap());
    assert_eq!(rows(&log), [0]);
}

#[tokio::test]
async fn what_fails_says_the_code_of_its_error() {
    let fixture = world().await;
    let log = Log::new();
    let db = watched(&fixture, log.clone());
    Note::repo(&db).create(note("a")).await.unwrap();
    log.take();
    let error = Note::repo(&db).create(note("a")).await.unwrap_err();
    let told = log.take();
    let failed: Vec<&Told> = told.iter().filter(|told| told.outcome != "ok").collect();
    assert_eq!(failed.len(), 1, "{told:?}");
    assert_eq!((failed[0].outcome, failed[0].rows), ("VALIDATION_UNIQUE_VIOLATION", 0));
    assert_eq!(failed[0].outcome, error.code().as_str());
    assert!(failed[0].sql.starts_with("INSERT"), "{failed:?}");
}

/// What the program finds wrong by itself is not sent, and is no event.
#[tokio::test]
async fn what_is_not_sent_is_not_told() {
    let fixture = world().await;
    let log = Log::new();
    let db = watched(&fixture, log.clone());
    let notes = Note::repo(&db);
    notes.find().limit(1).delete().await.unwrap_err();
    assert_eq!(notes.create_many([]).await.unwrap(), []);
    assert_eq!(notes.find().update(NotePatch::new()).await.unwrap(), 0);
    assert!(notes.find_by_ids(Vec::<i64>::new()).await.unwrap().is_empty());
    assert!(load_many(&db, &[], Thing::NOTES).await.unwrap().is_empty());
    drop(notes.count());
    assert!(log.take().is_empty());
    assert!(log.unsent().is_empty());
}

/// A row that does not fit its struct ends the statement, and that is no fault of whoever waited.
#[tokio::test]
async fn a_row_that_cannot_be_read_is_a_failure() {
    #[derive(Debug, Repository)]
    #[kysera(table = "notes")]
    struct Wrong {
        #[kysera(id)]
        id: i64,
        // NULL does not fit.
        text: String,
    }

    let fixture = world().await;
    Note::repo(fixture.source()).create(NewNote { thing_id: 1, text: None }).await.unwrap();
    let log = Log::new();
    let db = watched(&fixture, log.clone());
    let wrong = Wrong::repo(&db);
    for error in [
        wrong.find().all().await.unwrap_err(),
        wrong.find_all().await.unwrap_err(),
        wrong.find().page(PageRequest::new(1, 5)).await.unwrap_err(),
        wrong.find().stream().try_collect::<Vec<_>>().await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::Decode { .. }), "{error}");
    }
    let outcomes: Vec<_> = log.take().into_iter().map(|told| (told.outcome, told.rows)).collect();
    assert_eq!(outcomes, [("DB_QUERY_FAILED", 1); 4]);
}

#[tokio::test]
async fn a_future_that_is_dropped_says_so() {
    let fixture = world().await;
    let log = Log::new();
    let db = watched(&fixture, log.clone());
    // A connection that is there at once, so that the first poll sends the statement.
    Note::repo(&db).count().await.unwrap();
    log.take();
    // The answer may be there before the poll is over.
    for _ in 0..1000 {
        let ready = Note::repo(&db).find_all().now_or_never().is_some();
        let told = log.take();
        if told.is_empty() {
            // The connection was still being brought in order.
            assert!(!ready);
            Note::repo(&db).count().await.unwrap();
            log.take();
            continue;
        }
        let told = only(told);
        assert_eq!((told.name.as_str(), told.rows), ("notes.find_all", 0));
        assert_eq!(told.outcome, if ready { "ok" } else { "dropped" });
        if !ready {
            // The next one is told as ever.
            Note::repo(&db).count().await.unwrap();
            assert_eq!(only(log.take()).outcome, "ok");
            return;
        }
    }
    panic!("each of them was ready at once");
}

#[tokio::test]
async fn a_stream_that_is_left_early_says_how_far_it_came() {
    let fixture = world().await;
    let log = Log::new();
    Note::repo(fixture.source()).insert_many((0..50).map(|n| note(&n.to_string()))).await.unwrap();
    let db = watched(&fixture, log.clone());
    let notes = Note::repo(&db);
    let mut stream = notes.find().order_by(Note::ID.asc()).stream();
    for _ in 0..3 {
        stream.next().await.unwrap().unwrap();
    }
    assert!(log.take().is_empty(), "it has not ended");
    drop(stream);
    let told = only(log.take());
    assert_eq!((told.outcome, told.rows, told.is_first), ("dropped", 3, true));
    // One that was never asked for anything sent nothing.
    drop(notes.find().stream());
    assert!(log.take().is_empty());
}

#[tokio::test]
async fn an_operation_says_how_long_it_waited() {
    let fixture = shared_world(1).await;
    let log = Log::new();
    let db = watched(&fixture, log.clone());
    let held = db.acquire().await.unwrap();
    let notes = Note::repo(&db);
    let mut second = pin!(notes.count());
    assert!((&mut second).now_or_never().is_none());
    let asked = std::time::Instant::now();
    let least = Duration::from_millis(3);
    while asked.elapsed() < least {
        tokio::task::yield_now().await;
    }
    drop(held);
    second.await.unwrap();
    let told = only(log.take());
    assert!(told.waited >= least, "{told:?}");

    // A transaction's begin waits for all of it.
    let held = db.acquire().await.unwrap();
    let mut begin = pin!(db.begin().into_future());
    assert!((&mut begin).now_or_never().is_none());
    let asked = std::time::Instant::now();
    while asked.elapsed() < least {
        tokio::task::yield_now().await;
    }
    drop(held);
    let tx = begin.await.unwrap();
    let told = only(log.take());
    assert!(told.name == "begin" && told.waited >= least, "{told:?}");
    tx.rollback().await.unwrap();

    // Brackets take the wait away from what stands in them.
    log.take();
    Thing::repo(&db).create(thing("a")).await.unwrap();
    let told = log.take();
    assert!(told[1..].iter().all(|told| told.waited.is_zero()), "{told:?}");
}

#[tokio::test]
async fn who_finds_no_connection_says_so() {
    let fixture = shared_world(1).await;
    let log = Log::new();
    let options = fixture.options();
    let db = Db::<DB>::builder()
        .max_connections(1)
        .acquire_timeout(Duration::from_millis(20))
        .connect_with(options)
        .await
        .unwrap()
        .observed_by(log.clone());
    let held = db.acquire().await.unwrap();
    let error = Note::repo(&db).count().await.unwrap_err();
    let unsent = log.unsent();
    assert_eq!(
        (unsent.len(), unsent[0].name.as_str(), unsent[0].code),
        (1, "notes.count", error.code().as_str())
    );
    assert!(unsent[0].waited >= Duration::from_millis(20));
    db.begin().await.unwrap_err();
    Note::repo(&db).find().stream().try_collect::<Vec<_>>().await.unwrap_err();
    let names: Vec<String> = log.unsent().into_iter().map(|unsent| unsent.name).collect();
    assert_eq!(names, ["begin", "notes.find.stream"]);
    drop(held);

    db.close().await;
    let error = Note::repo(&db).count().await.unwrap_err();
    assert_eq!(log.unsent()[0].code, error.code().as_str());
    assert!(log.take().is_empty());
}

/// What no connection is asked for any more.
#[tokio::test]
async fn neither_does_a_transaction_that_is_over() {
    let fixture = world().await;
    let log = Log::new();
    let db = watched(&fixture, log.clone());
    let tx = db.begin().await.unwrap();
    let left = db.begin();
    drop(left);
    db.pool();
    let outer = tx.transaction(|inner| async move {
        inner.rollback().await?;
        Ok(())
    });
    outer.await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(log.names(), ["begin", "savepoint", "rollback_to", "rollback"]);
}
