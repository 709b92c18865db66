//! The memory that many rows take. The allocator is global to a process, hence a binary of its own.

use futures_util::TryStreamExt;
use kysera::ReadOnly;
use kysera::prelude::*;
use kysera_tests::peak::Peak;
use kysera_tests::{Ddl, Fixture, TestBackend};
use tokio::sync::Mutex;

#[global_allocator]
static ALLOC: Peak = Peak::new();

/// The counter is the whole process's.
static ALONE: Mutex<()> = Mutex::const_new(());

const ROWS: usize = 200_000;
/// What a stream may take, whatever the number of rows. All rows together take more than twenty times that.
const BOUND: usize = 2 * 1024 * 1024;

/// 200 000 rows of more than 200 bytes.
const LINES: Ddl = Ddl {
    postgres: "CREATE TABLE lines (id BIGINT PRIMARY KEY, body TEXT NOT NULL);
        CREATE TABLE d (n BIGINT); INSERT INTO d VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);
        INSERT INTO lines SELECT a.n + 10 * b.n + 100 * c.n + 1000 * e.n + 10000 * f.n + 100000 * g.n, REPEAT('line ', 41)
            FROM d a, d b, d c, d e, d f, d g WHERE g.n < 2",
    mysql: "CREATE TABLE `lines` (id BIGINT PRIMARY KEY, body VARCHAR(300) NOT NULL);
        CREATE TABLE d (n BIGINT); INSERT INTO d VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);
        INSERT INTO `lines` SELECT a.n + 10 * b.n + 100 * c.n + 1000 * e.n + 10000 * f.n + 100000 * g.n, REPEAT('line ', 41)
            FROM d a, d b, d c, d e, d f, d g WHERE g.n < 2",
    sqlite: "CREATE TABLE lines (id INTEGER PRIMARY KEY, body TEXT NOT NULL);
        CREATE TABLE d (n BIGINT); INSERT INTO d VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);
        INSERT INTO lines SELECT a.n + 10 * b.n + 100 * c.n + 1000 * e.n + 10000 * f.n + 100000 * g.n,
            REPLACE(HEX(ZEROBLOB(41)), '00', 'line ') FROM d a, d b, d c, d e, d f, d g WHERE g.n < 2",
};

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "lines")]
pub(crate) struct Line {
    #[kysera(id, assigned)]
    pub(crate) id: i64,
    pub(crate) body: String,
}

/// A stream holds a few rows, all of them hold all of them; wherever it runs.
async fn stream<DB: TestBackend>()
where
    Line: kysera::entity::On<DB>,
{
    let _alone = ALONE.lock().await;
    let db = Fixture::<DB>::new(&LINES).await;
    bounded(db.source(), "a database").await;
    bounded(&ReadOnly::new(db.source().clone()), "a replica").await;
    bounded(db.source().pool(), "a pool").await;
    let tx = db.source().begin().await.unwrap();
    bounded(&tx, "a transaction").await;
    tx.rollback().await.unwrap();
    let conn = db.source().acquire().await.unwrap();
    bounded(&conn, "a connection").await;
    let mut raw = conn.detach().await.unwrap();
    bounded(&kysera::on::<DB>(&mut raw), "a connection of sqlx").await;

    // The counter counts.
    let source = kysera::on::<DB>(&mut raw);
    let lines = Line::repo(&source);
    let (read, held) = ALLOC.watch(async { lines.find().limit(100_000).all().await.unwrap().len() }).await;
    assert_eq!(read, 100_000);
    assert!(held > 10 * BOUND, "half of all rows at once took {held} bytes only");
}

async fn bounded<DB: TestBackend, S: Source<Database = DB, Context = ()>>(source: &S, what: &str)
where
    Line: kysera::entity::On<DB>,
{
    let lines = Line::repo(source);
    // Prepared, and the connection's buffers as large as they get for a row.
    assert!(lines.find().first().await.unwrap().is_some());
    let (read, streamed) = ALLOC
        .watch(async {
            let mut stream = lines.find().order_by(Line::ID.asc()).stream();
            let mut rows = 0;
            while let Some(line) = stream.try_next().await.unwrap() {
                assert_eq!((line.id, line.body.len()), (rows as i64, 205));
                rows += 1;
            }
            rows
        })
        .await;
    assert_eq!(read, ROWS);
    assert!(streamed < BOUND, "on {what} a stream of {ROWS} rows took {streamed} bytes");
}

/// An early end leaves the connection as good as before, and no memory behind.
async fn cut_short<DB: TestBackend>()
where
    Line: kysera::entity::On<DB>,
{
    let _alone = ALONE.lock().await;
    let db = Fixture::<DB>::new(&LINES).await;
    let lines = Line::repo(db.source());
    assert!(lines.find().first().await.unwrap().is_some());
    let (_, taken) = ALLOC
        .watch(async {
            for _ in 0..3 {
                let mut stream = lines.find().order_by(Line::ID.asc()).stream();
                for id in 0..10 {
                    assert_eq!(stream.try_next().await.unwrap().map(|line| line.id), Some(id));
                }
                drop(stream);
                assert_eq!(lines.find_by_id(77).await.unwrap().map(|line| line.id), Some(77));
            }
        })
        .await;
    assert!(taken < BOUND, "three streams that were dropped took {taken} bytes");
}

macro_rules! on {
    ($backend:ident: $DB:ty) => {
        mod $backend {
            #[tokio::test]
            async fn a_stream_takes_the_memory_of_a_few_rows() {
                super::stream::<$DB>().await;
            }

            #[tokio::test]
            async fn a_stream_may_be_dropped_early() {
                super::cut_short::<$DB>().await;
            }
        }
    };
}
on!(sqlite: sqlx::Sqlite);
#[cfg(feature = "postgres")]
on!(postgres: sqlx::Postgres);
#[cfg(feature = "mysql")]
on!(mysql: sqlx::MySql);
