//! Loops that send a statement for each row.

use std::sync::Arc;
use std::time::Duration;

use kysera::Db;
use kysera::observe::NPlusOne;
use kysera::prelude::*;
use kysera::relation::load_many;

use super::world::*;
use crate::DB;

const LONG: Duration = Duration::from_secs(3600);

async fn detecting() -> (kysera_tests::Fixture<DB>, Arc<NPlusOne>, Db<DB>) {
    let fixture = world().await;
    for n in 1..=5 {
        let thing = Thing::repo(fixture.source()).create(thing(&n.to_string())).await.unwrap();
        let note = |text| NewNote { thing_id: thing.id, text };
        Note::repo(fixture.source()).create_many([note(None), note(None)]).await.unwrap();
    }
    let detector = Arc::new(NPlusOne::new().threshold(3, LONG));
    let db = watched(&fixture, detector.clone());
    (fixture, detector, db)
}

#[tokio::test]
async fn a_relation_that_is_loaded_row_by_row_is_found_with_its_line() {
    let (_fixture, detector, db) = detecting().await;
    for thing in Thing::repo(&db).find_all().await.unwrap() {
        Note::repo(&db).find().filter(Note::THING_ID.eq(thing.id)).all().await.unwrap();
    }
    let line = line!() - 2;
    let findings = detector.findings();
    assert_eq!(findings.len(), 1, "{findings:?}");
    let found = &findings[0];
    assert_eq!((found.caller.file(), found.caller.line(), found.count), (file!(), line, 5));
    assert_eq!((found.operation.table, found.operation.method), (Some("notes"), "find.all"));
    assert!(found.advice().contains("`with`"));

    let things = Thing::repo(&db).find_all().await.unwrap();
    for thing in &things {
        load_many(&db, std::slice::from_ref(thing), Thing::NOTES).await.unwrap();
    }
    let found = &detector.findings()[1];
    assert_eq!((found.operation.method, found.advice()), ("load", "`load_many` loads for all rows at once"));
}

#[tokio::test]
async fn what_is_done_at_once_is_no_loop() {
    let (_fixture, detector, db) = detecting().await;
    let (things, notes) = (Thing::repo(&db), Note::repo(&db));
    things
        .find()
        .with(Thing::NOTES.with(Note::THING.with(Thing::NOTES.with(Note::THING.with(Thing::NOTES)))))
        .all()
        .await
        .unwrap();
    let rows = things.find_all().await.unwrap();
    load_many(&db, &rows, Thing::NOTES.with(Note::THING.with(Thing::NOTES.with(Note::THING)))).await.unwrap();
    let four = (Note::THING, Note::THING, Note::THING, Note::THING);
    notes.find().with(four).all().await.unwrap();
    things.create_many((10..60).map(|n| thing(&n.to_string()))).await.unwrap();
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    things.update_many(ids.iter().map(|id| (*id, ThingPatch::new().amount(3)))).await.unwrap();
    things.upsert_many((10..60).map(|n| thing(&n.to_string())), Thing::NAME).await.unwrap();
    things.delete_many(ids).await.unwrap();
    assert_eq!(detector.findings(), []);
}

/// Many who ask for one thing each at the same time are no loop.
#[tokio::test]
async fn tasks_are_counted_apart() {
    let (_fixture, detector, db) = detecting().await;
    let tasks: Vec<_> = (0..64)
        .map(|id| {
            let db = db.clone();
            tokio::spawn(async move { Note::repo(&db).find_by_id(id).await.unwrap() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(detector.findings(), []);
    let task = tokio::spawn(async move {
        for id in 0..4 {
            Note::repo(&db).find_by_id(id).await.unwrap();
        }
    });
    task.await.unwrap();
    assert_eq!(detector.findings()[0].count, 4);
}

/// The transactions of a loop are not its statements.
#[tokio::test]
async fn what_belongs_to_no_table_is_no_loop() {
    let (_fixture, detector, db) = detecting().await;
    for _ in 0..5 {
        db.transaction(|_| async { Ok(()) }).await.unwrap();
    }
    assert_eq!(detector.findings(), []);
}
