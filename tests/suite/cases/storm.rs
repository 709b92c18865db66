//! Calls of the repository whose futures are dropped at random: whatever is cut, nothing is half done and nothing leaks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use kysera::Error;
use kysera::backend::{Backend, Dialect};
use kysera::prelude::*;
use kysera_tests::{Ddl, Fixture};
use tokio::time::timeout;

use crate::DB;

const DDL: Ddl = Ddl {
    postgres: "CREATE TABLE storm (id BIGINT PRIMARY KEY, batch BIGINT NOT NULL, note TEXT NOT NULL DEFAULT '-');
               CREATE TABLE numbers (id BIGINT PRIMARY KEY, value BIGINT NOT NULL, other BIGINT NOT NULL DEFAULT 0)",
    mysql: "CREATE TABLE storm (id BIGINT PRIMARY KEY, batch BIGINT NOT NULL, note VARCHAR(20) NOT NULL DEFAULT '-');
            CREATE TABLE numbers (id BIGINT PRIMARY KEY, value BIGINT NOT NULL, other BIGINT NOT NULL DEFAULT 0)",
    sqlite: "CREATE TABLE storm (id INTEGER PRIMARY KEY, batch INTEGER NOT NULL, note TEXT NOT NULL DEFAULT '-');
             CREATE TABLE numbers (id INTEGER PRIMARY KEY, value INTEGER NOT NULL, other INTEGER NOT NULL DEFAULT 0)",
};

#[derive(Debug, Repository)]
#[kysera(table = "storm")]
struct Drop {
    #[kysera(id, assigned)]
    id: i64,
    batch: i64,
    #[kysera(default)]
    note: String,
}

#[derive(Debug, Repository)]
#[kysera(table = "numbers")]
struct Number {
    #[kysera(id, assigned)]
    id: i64,
    value: i64,
    #[kysera(default)]
    other: i64,
}

const CONNECTIONS: u32 = 4;
const TASKS: u64 = 8;
const CALLS: u64 = 120;
const NUMBERS: i64 = 1500;
/// Rows of two shapes, hence two statements in one bracket.
const BATCH: i64 = 6;

struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

fn batch(number: i64) -> impl Iterator<Item = NewDrop> {
    (0..BATCH).map(move |n| NewDrop {
        id: number * BATCH + n,
        batch: number,
        note: (n % 2 == 0).then(|| "given".to_owned()),
    })
}

/// One call, of a kind that the number picks.
async fn call(db: &Db<DB>, kind: u64, number: i64, id: i64) -> kysera::Result<()> {
    let (drops, numbers) = (Drop::repo(db), Number::repo(db));
    match kind {
        0 | 1 => {
            let row = numbers.get(id).await?;
            assert_eq!(row.id, id, "a row of somebody else's");
        }
        2 => {
            drops.create_many(batch(number)).await?;
        }
        3 => {
            db.transaction(|tx| async move {
                for new in batch(number) {
                    Drop::repo(&tx).create(new).await?;
                }
                Ok(())
            })
            .await?;
        }
        4 => {
            let mut rows = numbers.find().order_by(Number::ID.asc()).stream();
            for expected in 1..=300 {
                let row = rows.try_next().await?.expect("there are more");
                assert_eq!(row.id, expected, "rows out of order or of another statement");
            }
        }
        5 => {
            // Two shapes, hence two statements: both or none.
            let patches =
                [(1, NumberPatch::new().value(number)), (2, NumberPatch::new().value(number).other(number))];
            numbers.update_many(patches).await?;
        }
        6 => {
            // A savepoint whose call is cut is undone by the next use, and the rest is committed.
            db.transaction(|tx| async move {
                let cut =
                    timeout(Duration::from_micros(300), Drop::repo(&tx).create_many(batch(-number))).await;
                match cut {
                    Ok(result) => result.map(drop)?,
                    // MySQL cannot go on after that, and says so.
                    Err(_) if DB::DIALECT == Dialect::MySql => return Err(Error::other("cut")),
                    Err(_) => {}
                }
                Drop::repo(&tx).create_many(batch(number)).await.map(drop)
            })
            .await?;
        }
        _ => {
            db.transaction(|tx| async move {
                Drop::repo(&tx).create_many(batch(number)).await?;
                Err::<(), _>(Error::other("rolled back"))
            })
            .await
            .or_else(|error| if error.to_string() == "rolled back" { Ok(()) } else { Err(error) })?;
        }
    }
    Ok(())
}

/// Polls until it is so.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so().await {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn storm() {
    let fixture = Fixture::<DB>::concurrent(&DDL, CONNECTIONS).await;
    let db = fixture.source();
    let new = |id| NewNumber { id, value: 0, other: None };
    Number::repo(db).insert_many((1..=NUMBERS).map(new)).await.unwrap();

    let (done, cut) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (db, done, cut) = (db.clone(), done.clone(), cut.clone());
            tokio::spawn(async move {
                let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ (task + 1));
                for n in 0..CALLS {
                    let (kind, id) = (random.next(8), random.next(NUMBERS as u64) as i64 + 1);
                    // A third runs to its end, so that there is something to lose.
                    let limit = match random.next(3) {
                        0 => Duration::from_secs(30),
                        _ => Duration::from_micros(random.next(3000)),
                    };
                    let number = (1 + task * CALLS + n) as i64;
                    match timeout(limit, call(&db, kind, number, id)).await {
                        Ok(Ok(())) => done.fetch_add(1, Ordering::Relaxed),
                        // Two updates of the same rows, or a cut savepoint on MySQL: an error, and nothing done.
                        Ok(Err(error)) if error.is_transient() || error.to_string() == "cut" => 0,
                        Ok(Err(error)) => panic!("call {number} of kind {kind}: {error:?}"),
                        Err(_) => cut.fetch_add(1, Ordering::Relaxed),
                    };
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let (done, cut) = (done.load(Ordering::Relaxed), cut.load(Ordering::Relaxed));
    assert!(done > TASKS * CALLS / 10 && cut > TASKS * CALLS / 10, "{done} done, {cut} cut: no storm");

    until("connections do not come back", async || db.metrics().held == 0).await;
    until("a transaction is left open", async || match DB::DIALECT {
        Dialect::Sqlite => db.raw_sql("BEGIN IMMEDIATE; COMMIT").await.is_ok(),
        _ => fixture.in_transaction().await == 0,
    })
    .await;

    // All connections at once: none was lost.
    let mut all = Vec::new();
    for _ in 0..CONNECTIONS {
        all.push(
            timeout(Duration::from_secs(10), db.acquire()).await.expect("a connection is lost").unwrap(),
        );
    }
    drop(all);

    // Nothing by halves.
    let halves = format!("SELECT batch FROM storm GROUP BY batch HAVING COUNT(*) <> {BATCH}");
    assert_eq!(fixture.column::<i64>(&halves).await, Vec::<i64>::new());
    let numbers = Number::repo(db);
    let (one, two) = (numbers.get(1).await.unwrap(), numbers.get(2).await.unwrap());
    assert!(one.value == two.value && two.value == two.other, "{one:?} {two:?}");
    assert_eq!(numbers.count().await.unwrap(), NUMBERS as u64);
}

#[tokio::test]
async fn nothing_is_half_done_on_one_thread() {
    storm().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_half_done_on_two_threads() {
    storm().await;
}
