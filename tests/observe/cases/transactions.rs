//! What begins and ends transactions and savepoints.

use kysera::backend::Dialect;
use kysera::prelude::*;
use kysera::{Backend, Error};
use kysera_tests::observed::{Log, Told};

use super::world::*;
use crate::DB;

fn texts(told: &[Told]) -> Vec<&str> {
    told.iter().map(|told| &*told.sql).collect()
}

const BEGIN: &str = match DB::DIALECT {
    Dialect::Postgres => "BEGIN",
    Dialect::MySql => "START TRANSACTION",
    _ => "BEGIN IMMEDIATE",
};

#[tokio::test]
async fn a_transaction_is_told_from_its_begin_to_its_commit() {
    let fixture = world().await;
    let log = Log::new();
    let db = watched(&fixture, log.clone());
    let line = line!() + 1;
    db.transaction(|tx| async move {
        Note::repo(&tx).count().await?;
        Note::repo(&tx).count().await.map(drop)
    })
    .await
    .unwrap();
    let told = log.take();
    let names: Vec<&str> = told.iter().map(|told| &*told.name).collect();
    assert_eq!(names, ["begin", "notes.count", "notes.count", "commit"]);
    assert_eq!((told[0].sql.as_str(), told[3].sql.as_str()), (BEGIN, "COMMIT"));
    // What ends it was called where it began.
    for told in [&told[0], &told[3]] {
        assert_eq!((told.caller.file(), told.caller.line()), (file!(), line));
        assert_eq!((told.is_first, told.rows, told.outcome), (false, 0, "ok"));
    }
    assert!(told[1].is_first && told[2].is_first);
}

#[tokio::test]
async fn so_is_one_that_is_rolled_back() {
    let fixture = world().await;
    let log = Log::new();
    let db = watched(&fixture, log.clone());
    let answer: Result<(), Error> = db.transaction(|_| async { Err(Error::other("no")) }).await;
    assert!(answer.is_err());
    let told = log.take();
    assert_eq!(texts(&told), [BEGIN, "ROLLBACK"]);
    assert_eq!(told[1].name, "rollback");

    let tx = db.begin().await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(log.names(), ["begin", "rollback"]);
    let tx = db.begin().await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(log.names(), ["begin", "commit"]);
    let tx = db.begin().read_only().await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(log.names(), ["begin", "commit"]);
}

#[tokio::test]
async fn savepoints_are_told() {
    let fixture = world().await;
    let log = Log::new();
    let db = watched(&fixture, log.clone());
    let tx = db.begin().await.unwrap();
    log.take();
    tx.transaction(|tx| async move { Note::repo(&tx).count().await }).await.unwrap();
    let told = log.take();
    assert_eq!(texts(&told)[0], "SAVEPOINT kysera_1");
    assert_eq!(texts(&told)[2], "RELEASE SAVEPOINT kysera_1");
    let names: Vec<&str> = told.iter().map(|told| &*told.name).collect();
    assert_eq!(names, ["savepoint", "notes.count", "release"]);

    let undone: Result<(), Error> = tx.transaction(|_| async { Err(Error::other("no")) }).await;
    assert!(undone.is_err());
    let told = log.take();
    assert_eq!(
        texts(&told),
        ["SAVEPOINT kysera_1", "ROLLBACK TO SAVEPOINT kysera_1; RELEASE SAVEPOINT kysera_1"]
    );
    assert_eq!(told[1].name, "rollback_to");
    tx.commit().await.unwrap();
}

/// Operations of several statements bracket them.
#[tokio::test]
async fn the_brackets_of_operations_are_told() {
    let fixture = world().await;
    let log = Log::new();
    let db = watched(&fixture, log.clone());
    let things = Thing::repo(&db);
    let line = line!() + 1;
    things.create_many((0..3).map(|n| thing(&n.to_string()))).await.unwrap();
    let told = log.take();
    let names: Vec<&str> = told.iter().map(|told| &*told.name).collect();
    match DB::DIALECT {
        // One statement is enough.
        Dialect::Postgres => assert_eq!(names, ["things.create_many"]),
        _ => {
            assert_eq!((names[0], names[names.len() - 1]), ("begin", "commit"), "{names:?}");
            assert!(names[1..names.len() - 1].iter().all(|name| *name == "things.create_many"), "{names:?}");
            assert_eq!(told.iter().map(|told| told.is_first).filter(|first| *first).count(), 1);
        }
    }
    assert!(told.iter().all(|told| told.caller.line() == line));

    // Within a transaction they are a savepoint, also of what fails.
    let tx = db.begin().await.unwrap();
    log.take();
    let things = Thing::repo(&tx);
    let error = things.create_many([thing("one"), thing("one")]).await.unwrap_err();
    assert_eq!(error.code().as_str(), "VALIDATION_UNIQUE_VIOLATION");
    let told = log.take();
    let failed: Vec<_> = told.iter().filter(|told| told.outcome != "ok").collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(
        (failed[0].name.as_str(), failed[0].outcome),
        ("things.create_many", "VALIDATION_UNIQUE_VIOLATION")
    );
    if DB::DIALECT != Dialect::Postgres {
        assert_eq!((told[0].name.as_str(), told[told.len() - 1].name.as_str()), ("savepoint", "rollback_to"));
    }
    tx.rollback().await.unwrap();
}

#[tokio::test]
async fn an_operation_that_fails_within_its_brackets_rolls_back() {
    let fixture = world().await;
    let log = Log::new();
    let db = watched(&fixture, log.clone());
    let things = Thing::repo(&db);
    things.create(thing("a")).await.unwrap();
    let told = log.take();
    let names: Vec<&str> = told.iter().map(|told| &*told.name).collect();
    match DB::DIALECT {
        // The write and its entry in the log are one statement.
        Dialect::Postgres => assert_eq!(names, ["things.create"]),
        _ => assert_eq!((names[0], names[names.len() - 1]), ("begin", "commit"), "{names:?}"),
    }
    let error = things.create(thing("a")).await.unwrap_err();
    let told = log.take();
    let last = told.last().unwrap();
    match DB::DIALECT {
        Dialect::Postgres => assert_eq!(last.outcome, error.code().as_str()),
        _ => assert_eq!((last.name.as_str(), last.outcome), ("rollback", "ok")),
    }
    assert_eq!(told.iter().filter(|told| told.outcome == error.code().as_str()).count(), 1);
}

/// A plan of events, from one transaction to the next.
#[tokio::test]
async fn one_that_is_dropped_is_cleaned_up_unseen() {
    let fixture = world().await;
    let log = Log::new();
    let db = watched(&fixture, log.clone());
    let tx = db.begin().await.unwrap();
    drop(tx);
    Note::repo(&db).count().await.unwrap();
    assert_eq!(log.names(), ["begin", "notes.count"]);
}

#[tokio::test]
async fn an_aborted_transaction_does_not_send_its_commit() {
    let fixture = world().await;
    let log = Log::new();
    let db = watched(&fixture, log.clone());
    Note::repo(&db).create(note("a")).await.unwrap();
    log.take();
    let tx = db.begin().await.unwrap();
    Note::repo(&tx).create(note("a")).await.unwrap_err();
    let committed = tx.commit().await;
    let names = log.names();
    assert_eq!(names[0], "begin");
    assert_eq!(names[names.len() - 1], if committed.is_ok() { "commit" } else { "rollback" }, "{names:?}");
    assert_eq!(committed.is_err(), DB::DIALECT == Dialect::Postgres);
}
