//! Which line is named.

use std::sync::Arc;

use kysera::Db;
use kysera::infra::Retry;
use kysera::plugin::AuditTable;
use kysera::prelude::*;
use kysera_tests::observed::{Log, Told};

use super::world::*;
use crate::DB;

fn lines(told: &[Told]) -> Vec<u32> {
    assert!(told.iter().all(|told| told.caller.file() == file!()), "{told:?}");
    told.iter().map(|told| told.caller.line()).collect()
}

/// The last link of a chain may stand anywhere; where the query begins says more.
#[rustfmt::skip]
#[tokio::test]
async fn a_query_is_called_where_it_begins() {
    let fixture = world().await;
    let log = Log::new();
    let db = watched(&fixture, log.clone());
    let things = Thing::repo(&db);
    let line = line!() + 2;
    let find = things
        .find()
        .filter(Thing::AMOUNT.gt(0))
        .order_by(Thing::ID.asc());
    let same = find.clone();
    find
        .with(Thing::NOTES)
        .all()
        .await
        .unwrap();
    same.select(Thing::ID).all().await.unwrap();
    assert_eq!(lines(&log.take()), [line, line]);
}

/// A function that says `#[track_caller]` is not the place itself.
#[tokio::test]
async fn a_helper_can_pass_on_who_called_it() {
    #[track_caller]
    fn few<'s>(notes: &'s NoteRepository<&'s Db<DB>>) -> kysera::query::Find<'s, Note, &'s Db<DB>> {
        notes.find().limit(3)
    }

    let fixture = world().await;
    let log = Log::new();
    let db = watched(&fixture, log.clone());
    let notes = Note::repo(&db);
    let line = line!() + 1;
    let find = few(&notes);
    find.all().await.unwrap();
    assert_eq!(lines(&log.take()), [line]);
}

#[tokio::test]
async fn a_transaction_is_called_where_it_was_asked_for() {
    async fn generic(db: impl Transact<Database = DB, Context = ()>) -> u32 {
        db.transaction(|_| async { Ok(()) }).await.unwrap();
        line!() - 1
    }

    let fixture = world().await;
    let log = Log::new();
    let db = watched(&fixture, log.clone());
    let line = line!() + 1;
    Retry::new().transaction(&db, |_| async { Ok(()) }).await.unwrap();
    assert_eq!(lines(&log.take()), [line, line]);
    let line = generic(db.clone()).await;
    assert_eq!(lines(&log.take()), [line, line]);
    let line = generic(&db).await;
    assert_eq!(lines(&log.take()), [line, line]);
    let line = generic(Arc::new(db.clone())).await;
    assert_eq!(lines(&log.take()), [line, line]);

    // Savepoints are told as what the transaction does.
    let line = line!() + 1;
    let tx = db.begin().await.unwrap();
    tx.transaction(|_| async { Ok(()) }).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(lines(&log.take()), [line; 4]);
}

#[tokio::test]
async fn tables_of_logs_are_called_where_they_are_made() {
    let fixture = world().await;
    let log = Log::new();
    let db = watched(&fixture, log.clone());
    let line = line!() + 1;
    AuditTable::new("others").create(&db).await.unwrap();
    let lines = lines(&log.take());
    assert!(lines.iter().all(|at| *at == line), "{lines:?}");
}
