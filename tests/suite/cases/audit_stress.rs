//! The audit log under many writers: what an entry says was there before is what the entry before it says was there
//! afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use kysera::plugin::{AuditEntry, AuditTable, Operation};
use kysera::prelude::*;
use kysera::{Conflict, Error};
use kysera_tests::{Ddl, Fixture};
use serde_json::{Value, json};

use crate::DB;

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "counters")]
#[kysera::plugin(audit)]
pub struct Counter {
    #[kysera(id, assigned)]
    pub id: i64,
    pub n: i64,
    pub by: i64,
}

/// The same table with a log in a chain.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "counters")]
#[kysera::plugin(audit(table = "chained", chain))]
pub struct Chained {
    #[kysera(id, assigned)]
    pub id: i64,
    pub n: i64,
    pub by: i64,
}

pub const COUNTERS: Ddl = Ddl {
    postgres: "CREATE TABLE counters (id BIGINT PRIMARY KEY, n BIGINT NOT NULL, by BIGINT NOT NULL)",
    mysql: "CREATE TABLE counters (id BIGINT PRIMARY KEY, n BIGINT NOT NULL, `by` BIGINT NOT NULL)",
    sqlite: "CREATE TABLE counters (id INTEGER PRIMARY KEY, n INTEGER NOT NULL, `by` INTEGER NOT NULL)",
};

const WRITERS: i64 = 4;
const WRITES: i64 = 60;

/// Again while someone else is in the way, as a caller would.
async fn again<T, F: Future<Output = Result<T, Error>>>(mut write: impl FnMut() -> F) -> T {
    for _ in 0..200 {
        match write().await {
            Ok(done) => return done,
            Err(error) if error.is_transient() => tokio::task::yield_now().await,
            Err(error) => panic!("{error:?}"),
        }
    }
    panic!("two hundred times in the way of others")
}

/// Every entry of a row begins where the one before it ended, and the last one where the table is.
async fn check_links(db: &Fixture<DB>, table: AuditTable) -> usize {
    let log = table.entries(db.source()).order_by(AuditEntry::ID.asc()).all().await.unwrap();
    let mut now: BTreeMap<String, Option<Value>> = BTreeMap::new();
    for entry in &log {
        let (old, new) = (entry.old_values.as_ref().map(|v| &v.0), entry.new_values.as_ref().map(|v| &v.0));
        let before = now.get(&entry.entity_id).and_then(Option::as_ref);
        assert_eq!(old, before, "{entry:?}");
        let expected = match entry.operation {
            Operation::Create => (false, true),
            Operation::Update => (true, true),
            _ => (true, false),
        };
        assert_eq!((old.is_some(), new.is_some()), expected, "{entry:?}");
        now.insert(entry.entity_id.clone(), new.cloned());
    }
    let rows: BTreeMap<String, Option<Value>> = Counter::repo(db.source())
        .find_all()
        .await
        .unwrap()
        .into_iter()
        .map(|row| (row.id.to_string(), Some(json!({ "id": row.id, "n": row.n, "by": row.by }))))
        .collect();
    now.retain(|_, row| row.is_some());
    assert_eq!(now, rows);
    log.len()
}

async fn check_chain(db: &Fixture<DB>, table: AuditTable, entries: usize) {
    if table == AuditTable::of::<Chained>() {
        let report = table.verify_chain(db.source()).await.unwrap();
        assert!(report.is_intact(), "{report:?}");
        assert_eq!(report.entries, entries as u64);
    }
}

macro_rules! updates {
    ($name:ident, $entity:ident, $new:ident, $patch:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $name() {
            let db = Arc::new(Fixture::<DB>::concurrent(&COUNTERS, 6).await);
            AuditTable::of::<$entity>().create(db.source()).await.unwrap();
            let new = |id| $new { id, n: 0, by: 0 };
            $entity::repo(db.source()).create_many((0..4).map(new)).await.unwrap();
            let writers = (0..WRITERS).map(|writer| {
                let db = db.clone();
                tokio::spawn(async move {
                    let rows = $entity::repo(db.source());
                    for write in 0..WRITES {
                        let n = 1 + writer * 1000 + write;
                        let (id, other) = (write % 4, (write + 1) % 4);
                        let patch = || $patch::new().n(n).by(writer);
                        let here = || rows.find().filter($entity::ID.eq(id));
                        match (write / 4 + writer) % 6 {
                            0 => {
                                again(|| rows.update(id, patch())).await;
                            }
                            1 => {
                                again(|| rows.update_many([(other, patch()), (id, patch())])).await;
                            }
                            2 => assert_eq!(again(|| here().update(patch())).await, 1),
                            3 => {
                                let plus = || here().set($entity::N, $entity::N.plus(1_000_000));
                                assert_eq!(again(|| plus().execute()).await, 1);
                            }
                            4 => {
                                let in_transaction = || {
                                    db.source().transaction(|tx| async move {
                                        let rows = $entity::repo(&tx);
                                        rows.update(id, $patch::new().n(-n)).await?;
                                        rows.update(other, $patch::new().n(n).by(writer)).await
                                    })
                                };
                                again(in_transaction).await;
                            }
                            _ => {
                                let conflict = || Conflict::on($entity::ID);
                                again(|| rows.upsert($new { id, n, by: writer }, conflict())).await;
                            }
                        }
                    }
                })
            });
            for writer in join_all(writers).await {
                writer.unwrap();
            }
            let entries = check_links(&db, AuditTable::of::<$entity>()).await;
            check_chain(&db, AuditTable::of::<$entity>(), entries).await;
            // One for each row of each write: of `update_many` and transactions, two.
            let of_write =
                |writer: i64, write: i64| if matches!((write / 4 + writer) % 6, 1 | 4) { 2 } else { 1 };
            let all = (0..WRITERS).flat_map(|writer| (0..WRITES).map(move |write| of_write(writer, write)));
            assert_eq!(entries, 4 + all.sum::<usize>());
        }
    };
}
updates!(updates_are_linked, Counter, NewCounter, CounterPatch);
updates!(updates_are_linked_in_a_chain, Chained, NewChained, ChainedPatch);

macro_rules! upserts {
    ($name:ident, $entity:ident, $new:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $name() {
            let db = Arc::new(Fixture::<DB>::concurrent(&COUNTERS, 6).await);
            AuditTable::of::<$entity>().create(db.source()).await.unwrap();
            let writers = (0..WRITERS).map(|writer| {
                let db = db.clone();
                tokio::spawn(async move {
                    let rows = $entity::repo(db.source());
                    for write in 0..WRITES {
                        let n = 1 + writer * 1000 + write;
                        let id = (write * 7 + writer) % 5;
                        let new = |id| $new { id, n, by: writer };
                        let several = || rows.upsert_many([new(4), new(id % 4)], $entity::ID);
                        match (write + writer) % 5 {
                            0 | 1 => {
                                again(|| rows.upsert(new(id), $entity::ID)).await;
                            }
                            2 => {
                                again(several).await;
                            }
                            3 => {
                                again(|| rows.delete(id)).await;
                            }
                            _ => match rows.create(new(id)).await {
                                Err(error)
                                    if error.is_unique_violation_of($entity::ID) || error.is_transient() => {}
                                created => {
                                    created.unwrap();
                                }
                            },
                        }
                    }
                })
            });
            for writer in join_all(writers).await {
                writer.unwrap();
            }
            let entries = check_links(&db, AuditTable::of::<$entity>()).await;
            assert!(entries > 100);
            check_chain(&db, AuditTable::of::<$entity>(), entries).await;
        }
    };
}
upserts!(upserts_are_linked, Counter, NewCounter);
upserts!(upserts_are_linked_in_a_chain, Chained, NewChained);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_deletes_one_is_written_down() {
    let db = Arc::new(Fixture::<DB>::concurrent(&COUNTERS, 6).await);
    AuditTable::of::<Counter>().create(db.source()).await.unwrap();
    let counters = Counter::repo(db.source());
    for id in 0..25 {
        counters.create(NewCounter { id, n: 0, by: 0 }).await.unwrap();
        let start = Arc::new(tokio::sync::Barrier::new(4));
        let deletes = (0..4).map(|way| {
            let (db, start) = (db.clone(), start.clone());
            tokio::spawn(async move {
                let counters = Counter::repo(db.source());
                start.wait().await;
                match way {
                    0 | 1 => u64::from(again(|| counters.delete(id)).await),
                    2 => again(|| counters.delete_many([id, id + 1000])).await,
                    _ => again(|| counters.find().filter(Counter::ID.eq(id)).delete()).await,
                }
            })
        });
        let deleted: u64 = join_all(deletes).await.into_iter().map(Result::unwrap).sum();
        assert_eq!(deleted, 1);
        assert_eq!(
            counters.history(id).filter(AuditEntry::OPERATION.eq(Operation::Delete)).count().await.unwrap(),
            1
        );
    }
    assert_eq!(check_links(&db, AuditTable::of::<Counter>()).await, 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_tables_are_created_once_whoever_creates_them() {
    let db = Fixture::<DB>::concurrent(&COUNTERS, 10).await;
    // Pools of their own, as those of other processes.
    let mut sources = vec![db.source().clone(); 10];
    for _ in 0..4 {
        sources.push(db.connect(db.options(), 1).await);
    }
    for round in 0..3 {
        let table = AuditTable::new(format!("log {round}")).chained();
        let creating = sources.iter().map(|source| {
            let (source, table) = (source.clone(), table.clone());
            tokio::spawn(async move { table.create(&source).await })
        });
        for created in join_all(creating).await {
            created.unwrap().unwrap();
        }
        assert_eq!(table.entries(db.source()).count().await.unwrap(), 0);
    }
    // What is there stays.
    let table = AuditTable::of::<Chained>();
    table.create(db.source()).await.unwrap();
    Chained::repo(db.source()).create(NewChained { id: 1, n: 1, by: 1 }).await.unwrap();
    table.create(db.source()).await.unwrap();
    assert_eq!(table.entries(db.source()).count().await.unwrap(), 1);
}

macro_rules! many {
    ($name:ident, $entity:ident, $new:ident, $patch:ident) => {
        #[tokio::test]
        async fn $name() {
            const ROWS: i64 = 1_300; // more than go into one statement
            let db = Fixture::<DB>::new(&COUNTERS).await;
            let table = AuditTable::of::<$entity>();
            table.create(db.source()).await.unwrap();
            let rows = $entity::repo(db.source());
            let new = |id| $new { id, n: id, by: 0 };
            assert_eq!(rows.insert_many((0..ROWS).map(new)).await.unwrap(), ROWS as u64);
            assert_eq!(rows.create_many((ROWS..2 * ROWS).map(new)).await.unwrap().len(), ROWS as usize);
            assert_eq!(rows.find().update($patch::new().by(1)).await.unwrap(), 2 * ROWS as u64);
            let plus = rows.find().filter($entity::ID.lt(ROWS)).set($entity::N, $entity::N.plus(1));
            assert_eq!(plus.execute().await.unwrap(), ROWS as u64);
            let patches = (0..ROWS).map(|id| (id, $patch::new().n(-id - 1)));
            assert_eq!(rows.update_many(patches).await.unwrap().len(), ROWS as usize);
            rows.upsert_many((ROWS / 2..ROWS + ROWS / 2).map(|id| $new { id, n: id, by: 2 }), $entity::ID)
                .await
                .unwrap();
            assert_eq!(rows.delete_many(0..ROWS).await.unwrap(), ROWS as u64);
            assert_eq!(rows.find().delete().await.unwrap(), ROWS as u64);
            let entries = check_links(&db, table.clone()).await;
            assert_eq!(entries, ROWS as usize * (2 + 2 + 1 + 1 + 1 + 2));
            check_chain(&db, table, entries).await;
        }
    };
}
many!(many_rows_are_all_written_down, Counter, NewCounter, CounterPatch);
many!(many_rows_are_all_written_down_in_a_chain, Chained, NewChained, ChainedPatch);
