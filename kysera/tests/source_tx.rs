//! Transactions, savepoints and turns, on every backend.
#![cfg(any(feature = "sqlite", feature = "_servers"))]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod lab;

use std::sync::Arc;
use std::time::Duration;

use kysera::error::TransactionError;
use kysera::source::SourceGuard;
use kysera::{Error, Isolation, Result, Source, Transact, Tx};
use lab::{Bench, Lab, exec, number, on_each};
use tokio::time::timeout;

macro_rules! refused {
    ($result:expr, $kind:ident) => {{
        let result = $result;
        assert!(
            matches!(result, Err(Error::Transaction(TransactionError::$kind))),
            "{:?} instead of {}",
            result.map(drop),
            stringify!($kind)
        );
    }};
}

on_each! {
    closures_commit_and_roll_back by_hand savepoints savepoint_handles cut_savepoints turns_and_streams
    failed_statements contexts services options conns borrowed raw_access every_poll
}

async fn closures_commit_and_roll_back<DB: Lab>() {
    let bench = &Bench::<DB>::new(2).await;
    let n = bench.db.transaction(|tx| async move {
        exec(&tx, bench.insert(10)).await?;
        Ok(5)
    });
    assert_eq!(n.await.unwrap(), 5);
    let failed = bench.db.transaction(async |tx: Tx<DB>| {
        exec(&tx, bench.insert(11)).await?;
        Err::<(), _>(Error::other("mine"))
    });
    assert!(matches!(failed.await, Err(Error::Other(error)) if error.to_string() == "mine"));
    assert_eq!(bench.rows().await, 4);
    // ended within
    bench
        .db
        .transaction(|tx| async move {
            exec(&tx, bench.insert(12)).await?;
            tx.rollback().await
        })
        .await
        .unwrap();
    assert_eq!(bench.rows().await, 4);
    bench
        .db
        .transaction(|tx| async move {
            exec(&tx, bench.insert(13)).await?;
            tx.commit().await
        })
        .await
        .unwrap();
    assert_eq!(bench.rows().await, 5);
    // a handle that outlives it
    let stale = bench.db.transaction(|tx| async move { Ok(tx) }).await.unwrap();
    refused!(exec(&stale, bench.insert(14)).await, Finished);
    refused!(stale.transaction(|_| async { Ok(()) }).await, Finished);
    refused!(stale.connection().await, Finished);
    refused!(stale.commit().await, Finished);
    // cut, and the handle left somewhere
    let leak = std::sync::Mutex::new(None);
    let cut = timeout(
        Duration::from_millis(50),
        bench.db.transaction(|tx| {
            let leak = &leak;
            async move {
                let tx = Arc::new(tx);
                exec(&tx, bench.insert(15)).await?;
                *leak.lock().unwrap() = Some(tx.clone());
                std::future::pending::<Result<()>>().await
            }
        }),
    );
    assert!(cut.await.is_err());
    bench.is_clean().await;
    let leaked = leak.lock().unwrap().take().unwrap();
    refused!(exec(&leaked, bench.insert(16)).await, Finished);
    assert_eq!(bench.rows().await, 5);
    let bench = Bench { db: bench.db.clone(), table: bench.table.clone() };
    bench.done().await;
}

async fn by_hand<DB: Lab>() {
    let bench = Bench::<DB>::new(1).await;
    let tx = bench.db.begin().await.unwrap();
    exec(&tx, bench.insert(10)).await.unwrap();
    tx.commit().await.unwrap();
    let tx = bench.db.begin().await.unwrap();
    exec(&tx, bench.insert(11)).await.unwrap();
    tx.rollback().await.unwrap();
    let tx = bench.db.begin().await.unwrap();
    exec(&tx, bench.insert(12)).await.unwrap();
    drop(tx);
    assert_eq!(bench.rows().await, 4);
    let metrics = bench.db.metrics();
    assert_eq!((metrics.recovered, metrics.closed), (1, 0));
    bench.is_clean().await;
    bench.done().await;
}

async fn savepoints<DB: Lab>() {
    let bench = &Bench::<DB>::new(1).await;
    bench
        .db
        .transaction(|tx| async move {
            exec(&tx, bench.insert(20)).await?;
            // rolled back alone
            let undone = tx.transaction(|tx| async move {
                exec(&tx, bench.insert(21)).await?;
                Err::<(), _>(Error::other("no"))
            });
            assert!(matches!(undone.await, Err(Error::Other(_))));
            // the outer handle within: an error at once, on every level; the inner one works
            tx.transaction(|inner| {
                let tx = &tx;
                async move {
                    refused!(exec(tx, bench.insert(22)).await, SavepointOpen);
                    refused!(tx.transaction(|_| async { Ok(()) }).await, SavepointOpen);
                    refused!(tx.connection().await, SavepointOpen);
                    inner
                        .transaction(|innermost| {
                            let inner = &inner;
                            async move {
                                refused!(number(inner, bench.count()).await, SavepointOpen);
                                exec(&innermost, bench.insert(23)).await
                            }
                        })
                        .await?;
                    exec(&inner, bench.insert(24)).await
                }
            })
            .await?;
            // siblings in `join!`: the second is refused, nothing interleaves
            let (a, b) = tokio::join!(
                tx.transaction(|tx| async move {
                    tokio::task::yield_now().await;
                    exec(&tx, bench.insert(25)).await
                }),
                tx.transaction(|tx| async move { exec(&tx, bench.insert(26)).await })
            );
            a.unwrap();
            refused!(b, SavepointOpen);
            exec(&tx, bench.insert(27)).await
        })
        .await
        .unwrap();
    assert_eq!(bench.rows().await, 3 + 5);
    bench.is_clean().await;
    Bench { db: bench.db.clone(), table: bench.table.clone() }.done().await;
}

async fn savepoint_handles<DB: Lab>() {
    let bench = &Bench::<DB>::new(1).await;
    let tx = bench.db.begin().await.unwrap();
    // a handle that outlives its savepoint does not fit the next one
    let stale = tx.transaction(|tx| async move { Ok(tx) }).await.unwrap();
    tx.transaction(|inner| {
        let stale = &stale;
        async move {
            refused!(number(stale, bench.count()).await, Finished);
            exec(&inner, bench.insert(20)).await
        }
    })
    .await
    .unwrap();
    // ended by its own handle
    tx.transaction(|inner| async move {
        exec(&inner, bench.insert(21)).await?;
        inner.rollback().await
    })
    .await
    .unwrap();
    tx.transaction(|inner| async move {
        exec(&inner, bench.insert(22)).await?;
        inner.commit().await?;
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(number(&tx, bench.count()).await.unwrap(), 5);
    refused!(stale.rollback().await, Finished);
    tx.commit().await.unwrap();
    assert_eq!(bench.rows().await, 5);
    Bench { db: bench.db.clone(), table: bench.table.clone() }.done().await;
}

async fn cut_savepoints<DB: Lab>() {
    let bench = &Bench::<DB>::new(1).await;
    // between statements, three deep: the next use of the outermost handle undoes what was left
    let tx = bench.db.begin().await.unwrap();
    exec(&tx, bench.insert(20)).await.unwrap();
    let cut = timeout(
        Duration::from_millis(100),
        tx.transaction(|tx| async move {
            exec(&tx, bench.insert(21)).await?;
            tx.transaction(|tx| async move {
                exec(&tx, bench.insert(22)).await?;
                std::future::pending::<Result<()>>().await
            })
            .await
        }),
    );
    assert!(cut.await.is_err());
    exec(&tx, bench.insert(23)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(bench.rows().await, 5);
    // in mid-statement
    let tx = bench.db.begin().await.unwrap();
    exec(&tx, bench.insert(30)).await.unwrap();
    let cut = timeout(
        Duration::from_millis(40),
        tx.transaction(|tx| async move {
            exec(&tx, bench.insert(31)).await?;
            number(&tx, DB::slow(400)).await
        }),
    );
    assert!(cut.await.is_err());
    if DB::DRAINS {
        exec(&tx, bench.insert(32)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(bench.rows().await, 7);
    } else {
        refused!(exec(&tx, bench.insert(32)).await, Poisoned);
        refused!(tx.connection().await, Poisoned);
        refused!(tx.commit().await, Poisoned);
        assert_eq!(bench.rows().await, 5);
        assert_eq!(bench.db.metrics().closed, 1);
    }
    bench.is_clean().await;
    Bench { db: bench.db.clone(), table: bench.table.clone() }.done().await;
}

async fn turns_and_streams<DB: Lab>() {
    let bench = &Bench::<DB>::new(1).await;
    let tx = bench.db.begin().await.unwrap();
    let (a, b, c) =
        tokio::join!(number(&tx, bench.count()), exec(&tx, bench.insert(10)), number(&tx, bench.count()));
    assert_eq!((a.unwrap(), c.unwrap()), (3, 4));
    b.unwrap();
    // a stream refuses the others at once, also those that queued before it opened
    let (first, stream, queued) = tokio::join!(
        number(&tx, DB::slow(20)),
        async {
            let mut guard = tx.acquire().await.unwrap();
            guard.hold_for_stream();
            guard
        },
        number(&tx, bench.count())
    );
    first.unwrap();
    refused!(queued, StreamOpen);
    refused!(number(&tx, bench.count()).await, StreamOpen);
    refused!(tx.transaction(|_| async { Ok(()) }).await, StreamOpen);
    refused!(tx.connection().await, StreamOpen);
    drop(stream);
    assert_eq!(number(&tx, bench.count()).await.unwrap(), 4);
    // a closure that ends with a stream open somewhere is rolled back
    tx.rollback().await.unwrap();
    let (tx, held) = (bench.db.begin().await.unwrap(), std::sync::Mutex::new(None::<Arc<Tx<DB>>>));
    drop(tx);
    let shared = bench.db.transaction(|tx| {
        let held = &held;
        async move {
            exec(&tx, bench.insert(11)).await?;
            *held.lock().unwrap() = Some(Arc::new(tx));
            Ok(())
        }
    });
    shared.await.unwrap();
    let late = held.into_inner().unwrap().unwrap();
    refused!(exec(&late, bench.insert(12)).await, Finished);
    assert_eq!(bench.rows().await, 4);
    bench.is_clean().await;
    Bench { db: bench.db.clone(), table: bench.table.clone() }.done().await;
}

async fn failed_statements<DB: Lab>() {
    let bench = &Bench::<DB>::new(1).await;
    let aborts = DB::DIALECT == kysera::backend::Dialect::Postgres;
    // swallowed outside of a savepoint
    let result = bench.db.transaction(|tx| async move {
        exec(&tx, bench.insert(20)).await?;
        exec(&tx, bench.insert(1)).await.unwrap_err();
        Ok(())
    });
    let result = result.await;
    if aborts {
        refused!(result, Failed);
        assert_eq!(bench.rows().await, 3);
    } else {
        result.unwrap();
        assert_eq!(bench.rows().await, 4);
    }
    let before = bench.rows().await;
    // within a savepoint that is rolled back
    bench
        .db
        .transaction(|tx| async move {
            exec(&tx, bench.insert(30)).await?;
            tx.transaction(|tx| async move { exec(&tx, bench.insert(1)).await }).await.unwrap_err();
            exec(&tx, bench.insert(31)).await
        })
        .await
        .unwrap();
    assert_eq!(bench.rows().await, before + 2);
    // swallowed within a savepoint: the savepoint fails, the transaction goes on
    bench
        .db
        .transaction(|tx| async move {
            let inner = tx.transaction(|tx| async move {
                exec(&tx, bench.insert(40)).await?;
                exec(&tx, bench.insert(1)).await.unwrap_err();
                Ok(())
            });
            if aborts {
                refused!(inner.await, Failed);
            } else {
                inner.await.unwrap();
            }
            exec(&tx, bench.insert(41)).await
        })
        .await
        .unwrap();
    assert_eq!(bench.rows().await, before + if aborts { 3 } else { 4 });
    // through the raw connection, which only the server knows of
    let tx = bench.db.begin().await.unwrap();
    DB::raw(&mut tx.connection().await.unwrap(), lab::text(bench.insert(50))).await.unwrap();
    DB::raw(&mut tx.connection().await.unwrap(), lab::text(bench.insert(1))).await.unwrap_err();
    if aborts {
        refused!(tx.commit().await, Failed);
    } else {
        tx.commit().await.unwrap();
    }
    // by hand: later statements say why
    let tx = bench.db.begin().await.unwrap();
    exec(&tx, bench.insert(1)).await.unwrap_err();
    if aborts {
        refused!(exec(&tx, bench.insert(60)).await, Failed);
    }
    tx.rollback().await.unwrap();
    let metrics = bench.db.metrics();
    assert_eq!(metrics.closed, 0);
    bench.is_clean().await;
    Bench { db: bench.db.clone(), table: bench.table.clone() }.done().await;
}

async fn contexts<DB: Lab>() {
    struct Principal(i64);
    let bench = &Bench::<DB>::new(1).await;
    let session = bench.db.clone().with_context(Principal(7));
    session
        .transaction(|tx| async move {
            assert_eq!(tx.context().0, 7);
            tx.transaction(|tx| async move {
                assert_eq!(tx.context().0, 7);
                Ok(())
            })
            .await
        })
        .await
        .unwrap();
    assert_eq!(Source::context(&session.acquire().await.unwrap()).0, 7);
    assert_eq!(bench.db.unrestricted("night run").context().reason(), "night run");
    Bench { db: bench.db.clone(), table: bench.table.clone() }.done().await;
}

async fn services<DB: Lab>() {
    struct Service<S>(S, String);
    impl<S: Transact<Database: Lab>> Service<S> {
        async fn sign_up(&self) -> Result<()> {
            let sql = self.1.clone();
            self.0.transaction(|tx| async move { exec(&tx, sql).await }).await
        }
    }
    let bench = &Bench::<DB>::new(1).await;
    let tx = bench.db.begin().await.unwrap();
    Service(&tx, bench.insert(10)).sign_up().await.unwrap();
    assert_eq!(number(&tx, bench.count()).await.unwrap(), 4);
    tx.rollback().await.unwrap();
    assert_eq!(bench.rows().await, 3);
    let service = Arc::new(Service(bench.db.clone(), bench.insert(11)));
    tokio::spawn(async move { service.sign_up().await }).await.unwrap().unwrap();
    Service(Arc::new(bench.db.clone()), bench.insert(12)).sign_up().await.unwrap();
    assert_eq!(bench.rows().await, 5);
    Bench { db: bench.db.clone(), table: bench.table.clone() }.done().await;
}

async fn options<DB: Lab>() {
    let bench = &Bench::<DB>::new(2).await;
    for isolation in [Isolation::ReadCommitted, Isolation::RepeatableRead, Isolation::Serializable] {
        let run =
            bench.db.begin().isolation(isolation).run(|tx| async move { number(&tx, bench.count()).await });
        assert_eq!(run.await.unwrap(), 3);
    }
    let n = bench.db.begin().read_only().run(|tx| async move { number(&tx, bench.count()).await });
    assert_eq!(n.await.unwrap(), 3);
    let tx = bench.db.begin().read_only().deferrable().await.unwrap();
    assert_eq!(number(&tx, bench.count()).await.unwrap(), 3);
    if DB::DIALECT != kysera::backend::Dialect::Sqlite {
        exec(&tx, bench.insert(9)).await.unwrap_err(); // the server enforces it
    }
    tx.rollback().await.unwrap();
    // SQLite: a reader does not wait for a writer
    let writer = bench.db.begin().await.unwrap();
    exec(&writer, bench.insert(10)).await.unwrap();
    let n = bench.db.begin().read_only().run(|tx| async move { number(&tx, bench.count()).await });
    assert_eq!(n.await.unwrap(), 3);
    writer.commit().await.unwrap();
    bench.is_clean().await;
    Bench { db: bench.db.clone(), table: bench.table.clone() }.done().await;
}

async fn conns<DB: Lab>() {
    let bench = &Bench::<DB>::new(1).await;
    let conn = bench.db.acquire().await.unwrap();
    let (a, b) = tokio::join!(number(&conn, bench.count()), exec(&conn, bench.insert(10)));
    assert_eq!(a.unwrap(), 3);
    b.unwrap();
    // cut in mid-statement: the next one gets its own answer
    assert!(timeout(Duration::from_millis(30), number(&conn, DB::slow(300))).await.is_err());
    if DB::DRAINS {
        assert_eq!(number(&conn, bench.count()).await.unwrap(), 4);
    } else {
        refused!(number(&conn, bench.count()).await, Poisoned);
        refused!(conn.connection().await, Poisoned);
    }
    drop(conn);
    assert_eq!(bench.rows().await, 4);
    // a transaction that user code leaves open is nobody else's
    let conn = bench.db.acquire().await.unwrap();
    let begin = if DB::DIALECT == kysera::backend::Dialect::MySql { "START TRANSACTION" } else { "BEGIN" };
    DB::raw(&mut conn.connection().await.unwrap(), lab::text(begin)).await.unwrap();
    exec(&conn, bench.insert(11)).await.unwrap();
    drop(conn);
    assert_eq!(bench.rows().await, 4);
    // out of the pool, which has room again
    let conn = bench.db.acquire().await.unwrap();
    let mut raw = conn.detach().await.unwrap();
    assert_eq!(bench.rows().await, 4);
    DB::raw(&mut raw, lab::text(bench.insert(12))).await.unwrap();
    assert_eq!(bench.rows().await, 5);
    drop(raw);
    bench.is_clean().await;
    Bench { db: bench.db.clone(), table: bench.table.clone() }.done().await;
}

async fn borrowed<DB: Lab>() {
    let bench = &Bench::<DB>::new(1).await;
    let mut conn = bench.db.pool().acquire().await.unwrap();
    {
        let source = kysera::on::<DB>(&mut conn);
        exec(&source, bench.insert(10)).await.unwrap();
        let (a, b) = tokio::join!(number(&source, bench.count()), number(&source, bench.count()));
        assert_eq!((a.unwrap(), b.unwrap()), (4, 4));
        let mut guard = source.acquire().await.unwrap();
        guard.hold_for_stream();
        refused!(number(&source, bench.count()).await, StreamOpen);
        drop(guard);
        assert!(timeout(Duration::from_millis(30), number(&source, DB::slow(300))).await.is_err());
        if DB::DRAINS {
            assert_eq!(number(&source, bench.count()).await.unwrap(), 4);
        } else {
            refused!(number(&source, bench.count()).await, Poisoned);
        }
    }
    drop(conn.detach());
    let mut tx = bench.db.pool().begin().await.unwrap();
    exec(&kysera::on::<DB>(&mut tx), bench.insert(11)).await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(bench.rows().await, 4);
    Bench { db: bench.db.clone(), table: bench.table.clone() }.done().await;
}

async fn raw_access<DB: Lab>() {
    let bench = &Bench::<DB>::new(1).await;
    // in a transaction, beside kysera's statements
    let tx = bench.db.begin().await.unwrap();
    DB::raw(&mut tx.connection().await.unwrap(), lab::text(bench.insert(10))).await.unwrap();
    exec(&tx, bench.insert(11)).await.unwrap();
    tx.transaction(|tx| async move {
        DB::raw(&mut *tx.connection().await?, lab::text(bench.insert(12))).await?;
        exec(&tx, bench.insert(13)).await
    })
    .await
    .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(bench.rows().await, 7);
    // user code ends the transaction: nothing that follows is committed on its own
    for end in ["COMMIT", "ROLLBACK"] {
        let tx = bench.db.begin().await.unwrap();
        DB::raw(&mut tx.connection().await.unwrap(), lab::text(end)).await.unwrap();
        refused!(exec(&tx, bench.insert(20)).await, Finished);
        refused!(tx.commit().await, Finished);
    }
    assert_eq!(bench.rows().await, 7);
    bench.is_clean().await;
    Bench { db: bench.db.clone(), table: bench.table.clone() }.done().await;
}

/// Everything that a transaction does, cut after its first, second, third .. pending poll.
async fn every_poll<DB: Lab>() {
    let bench = &Bench::<DB>::new(1).await;
    let mut whole = false;
    for polls in 1..400 {
        let work = async {
            let tx = bench.db.begin().await?;
            exec(&tx, bench.insert(100)).await?;
            let undone = tx.transaction(|tx| async move {
                exec(&tx, bench.insert(101)).await?;
                Err::<(), _>(Error::other("no"))
            });
            assert!(undone.await.is_err());
            tx.transaction(|tx| async move { exec(&tx, bench.insert(102)).await }).await?;
            assert_eq!(number(&tx, bench.count()).await?, 5);
            tx.commit().await
        };
        let mut work = Box::pin(work);
        let mut left = polls;
        let end = std::future::poll_fn(|cx| match work.as_mut().poll(cx) {
            std::task::Poll::Ready(end) => std::task::Poll::Ready(Some(end)),
            std::task::Poll::Pending if left == 0 => std::task::Poll::Ready(None),
            std::task::Poll::Pending => {
                left -= 1;
                std::task::Poll::Pending
            }
        })
        .await;
        drop(work);
        let rows = bench.rows().await;
        assert!(rows == 3 || rows == 5, "{rows} rows after {polls} polls");
        if let Some(end) = end {
            end.unwrap();
            assert_eq!(rows, 5);
            whole = true;
            break;
        }
        exec(&bench.db, format!("DELETE FROM {} WHERE id > 3", bench.table)).await.unwrap();
    }
    assert!(whole, "it never came to its end");
    if DB::DRAINS {
        assert_eq!(bench.db.metrics().closed, 0);
    }
    bench.is_clean().await;
    Bench { db: bench.db.clone(), table: bench.table.clone() }.done().await;
}

#[cfg(feature = "sqlite")]
mod in_memory {
    use super::*;
    use lab::until;
    use sqlx::Sqlite;

    #[tokio::test]
    async fn survives_its_connections_failures() {
        let bench = &Bench::<Sqlite>::new(4).await;
        Bench { db: bench.db.clone(), table: bench.table.clone() }.done().await;
        let db = kysera::Db::<Sqlite>::builder().max_connections(9).connect("sqlite::memory:").await.unwrap();
        assert_eq!(db.metrics().max, 1);
        exec(&db, "CREATE TABLE t (n INTEGER UNIQUE ON CONFLICT ROLLBACK)".into()).await.unwrap();
        // cut for longer than `recover`: waited for, not closed
        assert!(timeout(Duration::from_millis(20), number(&db, Sqlite::slow(1500))).await.is_err());
        assert_eq!(number(&db, "SELECT count(*) FROM t".into()).await.unwrap(), 0);
        // rolled back by SQLite itself
        let tx = db.begin().await.unwrap();
        exec(&tx, "INSERT INTO t VALUES (1)".into()).await.unwrap();
        exec(&tx, "INSERT INTO t VALUES (1)".into()).await.unwrap_err();
        refused!(exec(&tx, "INSERT INTO t VALUES (2)".into()).await, Failed);
        refused!(tx.commit().await, Failed);
        assert_eq!(number(&db, "SELECT count(*) FROM t".into()).await.unwrap(), 0);
        let tx = db.begin().await.unwrap();
        exec(&tx, "INSERT INTO t VALUES (1)".into()).await.unwrap();
        exec(&tx, "INSERT INTO t VALUES (1)".into()).await.unwrap_err();
        drop(tx);
        assert_eq!(number(&db, "SELECT count(*) FROM t".into()).await.unwrap(), 0);
        assert_eq!(db.metrics().closed, 0);
        until("recovered", || db.metrics().recovered >= 2).await;
    }
}
