//! Those who write to a file of SQLite, which takes one of them at a time.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use kysera::error::{DeadlineStage, ErrorCode, PoolError};
use kysera::infra::Shutdown;
use kysera::prelude::*;
use kysera::source::Policy;
use kysera::{Error, Result};
use kysera_tests::{Ddl, Fixture};
use sqlx::pool::PoolOptions;
use tokio::task::JoinHandle;

use crate::DB;
use crate::cases::{Random, until};

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "entries")]
struct Entry {
    #[kysera(id)]
    id: i64,
    writer: i64,
}

const ENTRIES: Ddl = Ddl {
    sqlite: "CREATE TABLE entries (id INTEGER PRIMARY KEY AUTOINCREMENT, writer INTEGER NOT NULL)",
    ..Ddl::NONE
};

/// Writers who meet each other in the file fail at once.
async fn impatient(policy: Policy, connections: u32) -> (Fixture<DB>, Db<DB>) {
    let outside = Fixture::<DB>::concurrent(&ENTRIES, 1).await;
    let options = outside.options().busy_timeout(Duration::ZERO);
    let pool = PoolOptions::new().max_connections(connections).connect_lazy_with(options);
    (outside, Db::builder().policy(policy).build(pool))
}

const HOUR: Duration = Duration::from_secs(60 * 60);

fn write(db: &Db<DB>, writer: i64) -> JoinHandle<Result<Entry>> {
    let db = db.clone();
    tokio::spawn(async move { Entry::repo(&db).create(NewEntry { writer }).await })
}

async fn writers(db: &Db<DB>) -> Vec<i64> {
    let entries = Entry::repo(db).find().order_by(Entry::ID.asc()).all().await.unwrap();
    entries.into_iter().map(|entry| entry.writer).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_never_meet() {
    let (_outside, db) = impatient(Policy::default(), 8).await;
    let tasks = (0..16).map(|writer| {
        let db = db.clone();
        tokio::spawn(async move {
            for round in 0..20 {
                match round % 4 {
                    0 => {
                        Entry::repo(&db).create(NewEntry { writer }).await?;
                    }
                    1 => {
                        Entry::repo(&db).create_many([NewEntry { writer }]).await?;
                    }
                    2 => {
                        db.transaction(async |tx| Entry::repo(&tx).create(NewEntry { writer }).await).await?;
                    }
                    _ => {
                        let entries = Entry::repo(&db);
                        let mine = entries.find().filter(Entry::WRITER.eq(writer));
                        mine.set(Entry::WRITER, Entry::WRITER.plus(0)).execute().await?;
                        entries.delete(0).await?;
                    }
                }
                Entry::repo(&db).count().await?;
            }
            Ok::<(), Error>(())
        })
    });
    for end in join_all(tasks).await {
        end.unwrap().unwrap();
    }
    assert_eq!(writers(&db).await.len(), 16 * 15);
}

#[tokio::test]
async fn first_come_first_served_and_readers_go_on() {
    let (_outside, db) = impatient(Policy::default(), 2).await;
    let tx = db.begin().await.unwrap();
    Entry::repo(&tx).create(NewEntry { writer: 0 }).await.unwrap();
    let mut waiting = Vec::new();
    for writer in 1..=9 {
        waiting.push(write(&db, writer));
        until("it does not wait", async || db.metrics().waiters == writer as usize).await;
    }
    // They wait without a connection: there is one for readers.
    assert!(writers(&db).await.is_empty());
    let reading = db.begin().read_only().await.unwrap();
    assert_eq!(Entry::repo(&reading).count().await.unwrap(), 0);
    reading.commit().await.unwrap();
    tx.commit().await.unwrap();
    for end in waiting {
        end.await.unwrap().unwrap();
    }
    assert_eq!(writers(&db).await, (0..=9).collect::<Vec<_>>());
    assert_eq!(db.metrics().waiters, 0);
}

/// Who leaves the queue leaves no gap, and who is cut gives up the turn, when the database is free again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_leave() {
    let (_outside, db) = impatient(Policy::default(), 4).await;
    let tx = db.begin().await.unwrap();
    let gone: Vec<_> = (0..20).map(|writer| write(&db, writer)).collect();
    let stays = write(&db, 100);
    until("they do not wait", async || db.metrics().waiters == 21).await;
    for gone in gone {
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
    }
    assert_eq!(db.metrics().waiters, 1);
    drop(tx);
    stays.await.unwrap().unwrap();

    let mut random = Random::new(7);
    for _ in 0..300 {
        let polls = random.next(6);
        let mut work = db
            .transaction(async |tx| {
                Entry::repo(&tx).create(NewEntry { writer: 200 }).await?;
                Entry::repo(&tx).create(NewEntry { writer: 201 }).await
            })
            .boxed();
        for _ in 0..polls {
            if (&mut work).now_or_never().is_some() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(work);
        // With no patience for a database that is locked.
        Entry::repo(&db).create(NewEntry { writer: 300 }).await.unwrap();
    }
    let stored = writers(&db).await;
    let of = |writer: i64| stored.iter().filter(|stored| **stored == writer).count();
    assert_eq!((of(100), of(200), of(300)), (1, of(201), 300));
}

#[tokio::test]
async fn who_waits_for_oneself_is_told() {
    let mut policy = Policy::default();
    policy.acquire = Duration::from_millis(20);
    let (_outside, db) = impatient(policy, 2).await;
    let own = db.transaction(async |_tx| Entry::repo(&db).create(NewEntry { writer: 1 }).await).await;
    let error = own.unwrap_err();
    assert!(matches!(error, Error::Pool(PoolError::NoTurn { .. })), "{error:?}");
    assert_eq!((error.code(), error.is_transient()), (ErrorCode::PoolExhausted, false));
    assert!(!error.is_outage());
    assert_eq!(
        error.to_string(),
        "no turn to write to the SQLite database within 20ms: a transaction is open for longer, perhaps the caller's own; \
         what runs within it is given its `tx`, and not the `Db`"
    );
    assert!(writers(&db).await.is_empty());
    assert_eq!((db.metrics().waiters, db.metrics().transactions), (0, 0));
}

#[tokio::test]
async fn a_deadline_in_the_queue() {
    let mut policy = Policy::default();
    policy.acquire = 2 * HOUR;
    let (_outside, db) = impatient(policy, 2).await;
    let tx = db.begin().await.unwrap();
    let timed = db.clone().with_deadline(HOUR);
    let late = write(&timed, 1);
    until("it does not wait", async || db.metrics().waiters == 1).await;
    tokio::time::pause();
    tokio::time::advance(HOUR).await;
    tokio::time::resume();
    let error = late.await.unwrap().unwrap_err();
    assert!(matches!(&error, Error::Deadline(late) if late.stage == DeadlineStage::Turn), "{error:?}");
    assert!(!error.is_outage(), "the database is there");
    assert_eq!(
        error.to_string(),
        "Entry: the deadline of 3600s passed while others wrote to the SQLite database: nothing was sent"
    );
    assert_eq!(db.metrics().waiters, 0);
    tx.rollback().await.unwrap();
    assert!(writers(&db).await.is_empty());
}

#[tokio::test]
async fn a_shutdown_turns_away_who_waits() {
    let (outside, db) = impatient(Policy::default(), 2).await;
    let tx = db.begin().await.unwrap();
    let waits = write(&db, 1);
    until("it does not wait", async || db.metrics().waiters == 1).await;
    let shutdown = Shutdown::new(&db).deadline(Duration::from_secs(60));
    let mut shutdown = shutdown.run().boxed();
    assert!((&mut shutdown).now_or_never().is_none());
    let error = waits.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Pool(PoolError::ShuttingDown)), "{error:?}");
    // What was begun goes on.
    Entry::repo(&tx).create(NewEntry { writer: 2 }).await.unwrap();
    tx.commit().await.unwrap();
    assert!(shutdown.await.unwrap().is_clean());
    assert_eq!(writers(outside.source()).await, [2]);
}
