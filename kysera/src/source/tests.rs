//! Operations of several statements, and streams: what integration tests cannot reach.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::{Duration, Instant};

use futures_util::{FutureExt, StreamExt, TryStreamExt};
use tokio::time::timeout;

use super::{Cx, Db, Op, Source, Unit, generate, on};
use crate::backend::{Backend, Statement};
use crate::error::{Error, Result, TransactionError};
use crate::expr::{Meta, dynamic};
use crate::observe::Wire;

/// Runs an operation.
fn run<S: Source, O: Op<S::Database>>(source: &S, op: O) -> impl Future<Output = Result<O::Out>> + Send {
    super::run(source, Cx::of(source, "test"), op)
}

/// Whose statements these are: nobody's in particular.
static META: Meta = Meta { entity: "Row", table: "rows", ..Meta::PLAIN };

/// Several statements of one operation; then it fails, or waits for ever, or is done.
#[derive(Clone)]
struct Steps {
    unit: Unit,
    sql: Vec<String>,
    end: End,
}

#[derive(Clone, Copy, PartialEq)]
enum End {
    Done,
    Fail,
    Hang,
}

impl<DB: Backend> Op<DB> for Steps {
    type Out = ();

    fn meta(&self) -> &'static Meta {
        &META
    }

    fn unit(&self, _: Cx<'_>) -> Unit {
        self.unit
    }

    async fn run(self, wire: &mut Wire<'_, DB>, _: Cx<'_>) -> Result<()> {
        for sql in self.sql {
            DB::raw(wire.connection(), dynamic(sql)).await?;
        }
        match self.end {
            End::Done => Ok(()),
            End::Fail => Err(Error::other("on purpose")),
            End::Hang => std::future::pending().await,
        }
    }
}

struct Count(String);

impl<DB: Backend> Op<DB> for Count
where
    i64: crate::backend::Scalar<DB>,
{
    type Out = i64;

    fn meta(&self) -> &'static Meta {
        &META
    }

    async fn run(self, wire: &mut Wire<'_, DB>, _: Cx<'_>) -> Result<i64> {
        let statement = Statement::new(dynamic(self.0), Default::default());
        let row = wire.fetch_optional(statement).await?.expect("a row");
        Ok(DB::cell(&row, 0, true)?)
    }
}

struct Table<DB: Backend> {
    db: Db<DB>,
    name: String,
}

impl<DB: Backend> Table<DB>
where
    i64: crate::backend::Scalar<DB>,
{
    async fn new(url: &str, kind: &str) -> Self {
        let db = Db::<DB>::builder().max_connections(2).connect(url).await.unwrap();
        let table = Self { db, name: format!("kysera_unit_{}_{kind}", std::process::id()) };
        let sql = [
            format!("DROP TABLE IF EXISTS {}", table.name),
            format!("CREATE TABLE {} (id BIGINT PRIMARY KEY)", table.name),
        ];
        run(&table.db, Steps { unit: Unit::Statement, sql: sql.to_vec(), end: End::Done }).await.unwrap();
        table
    }

    /// Two inserts.
    fn pair(&self, unit: Unit, id: i64, end: End) -> Steps {
        let insert = |id| format!("INSERT INTO {} VALUES ({id})", self.name);
        Steps { unit, sql: vec![insert(id), insert(id + 1)], end }
    }

    async fn rows(&self, source: &impl Source<Database = DB>) -> i64 {
        run(source, Count(format!("SELECT count(*) FROM {}", self.name))).await.unwrap()
    }

    async fn done(self) {
        let sql = vec![format!("DROP TABLE {}", self.name)];
        run(&self.db, Steps { unit: Unit::Statement, sql, end: End::Done }).await.unwrap();
        self.db.close().await;
    }
}

async fn cut<T>(future: impl Future<Output = T>) {
    assert!(timeout(Duration::from_millis(150), future).await.is_err(), "it was to be cut");
}

/// All or nothing on `source`, whatever becomes of the operation, and the source goes on.
async fn all_or_nothing<DB: Backend>(table: &Table<DB>, source: &impl Source<Database = DB>, unit: Unit)
where
    i64: crate::backend::Scalar<DB>,
{
    let before = table.rows(source).await;
    run(source, table.pair(unit, 10, End::Done)).await.unwrap();
    assert_eq!(table.rows(source).await, before + 2);
    assert!(run(source, table.pair(unit, 20, End::Fail)).await.is_err());
    assert_eq!(table.rows(source).await, before + 2);
    // the second insert violates the key
    run(source, table.pair(unit, 9, End::Done)).await.unwrap_err();
    assert_eq!(table.rows(source).await, before + 2);
    if unit == Unit::Atomic || DB::DRAINS {
        cut(run(source, table.pair(unit, 30, End::Hang))).await;
    }
}

async fn units<DB: Backend>(url: &str, kind: &str)
where
    i64: crate::backend::Scalar<DB>,
{
    let table = Table::<DB>::new(url, kind).await;
    let db = &table.db;
    all_or_nothing(&table, db, Unit::Transaction).await;
    assert_eq!(table.rows(db).await, 2);
    clear(&table).await;
    all_or_nothing(&table, db, Unit::Atomic).await;
    assert_eq!(table.rows(db).await, 2);
    clear(&table).await;

    let conn = db.acquire().await.unwrap();
    all_or_nothing(&table, &conn, Unit::Atomic).await;
    if DB::DRAINS {
        assert_eq!(table.rows(&conn).await, 2);
    } else {
        let next = run(&conn, table.pair(Unit::Atomic, 40, End::Done)).await;
        assert!(matches!(next, Err(Error::Transaction(TransactionError::Poisoned))), "{next:?}");
    }
    drop(conn);
    assert_eq!(table.rows(db).await, 2);
    clear(&table).await;

    // within a transaction, which goes on after each
    let tx = db.begin().await.unwrap();
    all_or_nothing(&table, &tx, Unit::Atomic).await;
    if DB::DRAINS {
        run(&tx, table.pair(Unit::Atomic, 40, End::Done)).await.unwrap();
        assert_eq!(table.rows(&tx).await, 4);
        tx.commit().await.unwrap();
        assert_eq!(table.rows(db).await, 4);
    } else {
        let end = tx.commit().await;
        assert!(matches!(end, Err(Error::Transaction(TransactionError::Poisoned))), "{end:?}");
        assert_eq!(table.rows(db).await, 0);
    }
    clear(&table).await;

    // within savepoints, whose names must not meet
    db.transaction(|tx| {
        let table = &table;
        async move {
            tx.transaction(|tx| async move {
                run(&tx, table.pair(Unit::Atomic, 50, End::Done)).await?;
                run(&tx, table.pair(Unit::Atomic, 60, End::Fail)).await.unwrap_err();
                tx.transaction(|tx| async move { run(&tx, table.pair(Unit::Atomic, 70, End::Done)).await })
                    .await
            })
            .await?;
            let undone = tx.transaction(|tx| async move {
                run(&tx, table.pair(Unit::Atomic, 80, End::Done)).await?;
                Err::<(), _>(Error::other("no"))
            });
            assert!(undone.await.is_err());
            Ok(())
        }
    })
    .await
    .unwrap();
    assert_eq!(table.rows(db).await, 4);
    clear(&table).await;

    // borrowed: a connection, and sqlx's transaction
    let mut conn = db.pool().acquire().await.unwrap();
    {
        let source = on::<DB>(&mut conn);
        all_or_nothing(&table, &source, Unit::Atomic).await;
        if DB::DRAINS {
            assert_eq!(table.rows(&source).await, 2);
        }
    }
    drop(conn.detach());
    assert_eq!(table.rows(db).await, 2);
    clear(&table).await;
    let mut tx = db.pool().begin().await.unwrap();
    {
        let source = on::<DB>(&mut tx);
        all_or_nothing(&table, &source, Unit::Atomic).await;
        if DB::DRAINS {
            assert_eq!(table.rows(&source).await, 2);
        }
    }
    if DB::DRAINS {
        tx.commit().await.unwrap();
        assert_eq!(table.rows(db).await, 2);
    } else {
        drop(tx);
    }
    clear(&table).await;

    // a plain pool
    all_or_nothing(&table, db.pool(), Unit::Atomic).await;
    assert_eq!(table.rows(db).await, 2);
    table.done().await;
}

async fn clear<DB: Backend>(table: &Table<DB>)
where
    i64: crate::backend::Scalar<DB>,
{
    let sql = vec![format!("DELETE FROM {}", table.name)];
    run(&table.db, Steps { unit: Unit::Statement, sql, end: End::Done }).await.unwrap();
}

/// The future of an operation of several statements, dropped after every number of pending polls, in a transaction.
async fn every_poll<DB: Backend>(url: &str, kind: &str)
where
    i64: crate::backend::Scalar<DB>,
{
    let table = Table::<DB>::new(url, kind).await;
    let mut whole = false;
    for polls in 0..200 {
        let tx = table.db.begin().await.unwrap();
        run(&tx, table.pair(Unit::Statement, 1, End::Done)).await.unwrap();
        let mut work = Box::pin(run(&tx, table.pair(Unit::Atomic, 10, End::Done)));
        let mut left = polls;
        let end = std::future::poll_fn(|cx| match work.poll_unpin(cx) {
            std::task::Poll::Ready(end) => std::task::Poll::Ready(Some(end)),
            std::task::Poll::Pending if left == 0 => std::task::Poll::Ready(None),
            std::task::Poll::Pending => {
                left -= 1;
                std::task::Poll::Pending
            }
        })
        .await;
        drop(work);
        let end_of_tx = tx.commit().await;
        let rows = table.rows(&table.db).await;
        match (&end_of_tx, end) {
            (Ok(()), Some(end)) => {
                end.unwrap();
                assert_eq!(rows, 4);
                whole = true;
            }
            // undone as a whole, the outer rows kept
            (Ok(()), None) => assert!(rows == 2 || rows == 4, "{rows} rows after {polls} polls"),
            (Err(_), Some(_)) => panic!("{end_of_tx:?}"),
            // lost as a whole
            (Err(_), None) => assert_eq!(rows, 0, "after {polls} polls: {end_of_tx:?}"),
        }
        if whole {
            break;
        }
        clear(&table).await;
    }
    assert!(whole);
    table.done().await;
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn sqlite() {
    let file = std::env::temp_dir().join(format!("kysera_unit_{}.db", std::process::id()));
    let url = format!("sqlite://{}", file.display());
    units::<sqlx::Sqlite>(&url, "units").await;
    every_poll::<sqlx::Sqlite>(&url, "polls").await;
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{end}", file.display()));
    }
}

#[cfg(all(feature = "postgres", feature = "_servers"))]
#[tokio::test]
async fn postgres() {
    let url = std::env::var("KYSERA_POSTGRES_URL").expect("KYSERA_POSTGRES_URL names the server to test on");
    units::<sqlx::Postgres>(&url, "units").await;
    every_poll::<sqlx::Postgres>(&url, "polls").await;
}

#[cfg(all(feature = "mysql", feature = "_servers"))]
#[tokio::test]
async fn mysql() {
    let url = std::env::var("KYSERA_MYSQL_URL").expect("KYSERA_MYSQL_URL names the server to test on");
    units::<sqlx::MySql>(&url, "units").await;
    every_poll::<sqlx::MySql>(&url, "polls").await;
}

#[tokio::test]
async fn generators() {
    // items, then the end, and nothing after it
    let mut stream = generate(|out| async move {
        for n in 0..3 {
            out.send(n).await;
        }
        Ok(())
    });
    assert_eq!(stream.by_ref().try_collect::<Vec<_>>().await.unwrap(), [0, 1, 2]);
    assert!(stream.next().await.is_none());
    // an error ends it; what waits within is waited for
    let mut stream = generate(|out| async move {
        tokio::task::yield_now().await;
        out.send(1).await;
        tokio::task::yield_now().await;
        Err(Error::other("no"))
    });
    assert_eq!(stream.next().await.unwrap().unwrap(), 1);
    assert!(stream.next().await.unwrap().is_err());
    assert!(stream.next().await.is_none());
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn streams_hold_their_turn() {
    use super::{SourceGuard, Tx};
    fn numbers<'s>(
        tx: &'s Tx<sqlx::Sqlite>,
    ) -> impl futures_core::Stream<Item = Result<i64>> + Unpin + Send + 's {
        generate(move |out| async move {
            let mut guard = tx.acquire().await?;
            guard.hold_for_stream();
            let end = async {
                let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i FROM n";
                let statement = Statement::new(dynamic(sql), Default::default());
                let mut rows = sqlx::Sqlite::fetch(&mut guard, statement);
                while let Some(row) = rows.try_next().await? {
                    out.send(sqlx::Sqlite::cell(&row, 0, true)?).await;
                }
                Ok(())
            }
            .await;
            guard.settle(end.as_ref().map(drop));
            end
        })
    }
    let db = Db::<sqlx::Sqlite>::connect("sqlite::memory:").await.unwrap();
    let tx = db.begin().await.unwrap();
    let mut stream = numbers(&tx);
    assert_eq!(stream.next().await.unwrap().unwrap(), 1);
    let refused = run(&tx, Count("SELECT 1".into())).await;
    assert!(matches!(refused, Err(Error::Transaction(TransactionError::StreamOpen))));
    drop(stream); // early: the next statement reads what is left
    assert_eq!(run(&tx, Count("SELECT 2".into())).await.unwrap(), 2);
    // finished but not dropped: free again
    let mut stream = numbers(&tx);
    assert_eq!(stream.by_ref().count().await, 1000);
    assert_eq!(run(&tx, Count("SELECT 3".into())).await.unwrap(), 3);
    drop(stream);
    tx.commit().await.unwrap();
    assert_eq!(db.metrics().closed, 0);
}

#[cfg(feature = "sqlite")]
#[test]
fn made_without_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let pool = {
        let _entered = runtime.enter(); // sqlx wants one
        sqlx::pool::PoolOptions::<sqlx::Sqlite>::new().connect_lazy("sqlite::memory:").unwrap()
    };
    let db = Db::from(pool); // no runtime here
    assert_eq!(runtime.block_on(run(&db, Count("SELECT 1".into()))).unwrap(), 1);
}

#[test]
fn trust() {
    let trust = super::verdict::Trust::new();
    let before = Instant::now();
    assert!(!trust.suspects(before));
    trust.spoil();
    assert!(trust.suspects(before));
    let deadline = Instant::now() + Duration::from_secs(5);
    while trust.suspects(Instant::now()) {
        assert!(Instant::now() < deadline);
    }
}
