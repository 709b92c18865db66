//! The cache of connections under cancellation, on every backend.
#![cfg(any(feature = "sqlite", feature = "_servers"))]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod lab;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kysera::error::{PoolError, TransactionError};
use kysera::{Db, Error, Result};
use lab::{Bench, Lab, cut_after_one_poll, exec, is_pending, number, on_each, until};
use tokio::time::timeout;

on_each! {
    cancel_storm cold_start foreign_threads no_runtime closing user_pools waiters_and_timeouts
    one_at_a_time_is_fair
}

/// Operations that are cut at random points, and what they may leave behind.
async fn cancel_storm<DB: Lab>() {
    let bench = Arc::new(Bench::<DB>::new(if DB::DIALECT == SQLITE { 4 } else { 8 }).await);
    let tally = Arc::new(Tally::default());
    let tasks = (0..16_u64).map(|task| {
        let (bench, tally) = (bench.clone(), tally.clone());
        tokio::spawn(async move {
            // A generator of its own for each task: the same deadlines in every run.
            let mut random = task * 2_654_435_761 + 1;
            for i in 0..60_u64 {
                random =
                    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let deadline = Duration::from_micros((random >> 33) % 1500);
                let id = i64::try_from(1000 + task * 10_000 + i * 10).unwrap();
                one(&bench, &tally, (random >> 20) % 6, id, deadline).await;
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    bench.is_clean().await;
    let rows = u64::try_from(
        number(&bench.db, format!("{} WHERE id >= 1000 AND name = 'n'", bench.count())).await.unwrap(),
    )
    .unwrap();
    let (committed, unknown) =
        (tally.committed.load(Ordering::Relaxed), tally.unknown.load(Ordering::Relaxed));
    assert!(
        committed <= rows && rows <= committed + unknown,
        "{committed} <= {rows} <= {committed} + {unknown}"
    );
    let rolled_back = number(&bench.db, format!("{} WHERE name = 'x'", bench.count())).await.unwrap();
    assert_eq!(rolled_back, 0);
    assert!(tally.cut.load(Ordering::Relaxed) > 20, "a storm without wind");
    Arc::into_inner(bench).unwrap().done().await;
}

const SQLITE: kysera::backend::Dialect = kysera::backend::Dialect::Sqlite;

#[derive(Default)]
struct Tally {
    committed: AtomicU64,
    unknown: AtomicU64,
    cut: AtomicU64,
}

async fn one<DB: Lab>(bench: &Bench<DB>, tally: &Tally, kind: u64, id: i64, deadline: Duration) {
    let (db, t) = (&bench.db, &bench.table);
    let add = |name: &str, id: i64| format!("INSERT INTO {t} VALUES ({id}, '{name}')");
    let work: Pin<Box<dyn Future<Output = Result<()>> + Send>> = match kind {
        0 => Box::pin(async move {
            let n = id % 3 + 1;
            assert_eq!(number(db, format!("SELECT id FROM {t} WHERE id = {n}")).await?, n);
            Ok(())
        }),
        1 => Box::pin(async move {
            let tx = db.begin().await?;
            exec(&tx, add("n", id)).await?;
            tally.unknown.fetch_add(1, Ordering::Relaxed);
            tx.commit().await?;
            tally.unknown.fetch_sub(1, Ordering::Relaxed);
            tally.committed.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }),
        2 => Box::pin(async move {
            let tx = db.begin().await?;
            exec(&tx, add("x", id)).await?;
            drop(tx);
            Ok(())
        }),
        3 => Box::pin(async move {
            let undone = db.transaction(|tx| async move {
                exec(&tx, add("x", id)).await?;
                tx.transaction(|tx| async move { exec(&tx, add("x", id + 1)).await }).await?;
                Err::<(), _>(Error::other("on purpose"))
            });
            match undone.await {
                Err(Error::Other(_)) => Ok(()),
                other => other,
            }
        }),
        4 => Box::pin(async move {
            // A savepoint that is cut, in a transaction that goes on.
            let tx = db.begin().await?;
            exec(&tx, add("n", id)).await?;
            let inner = tx.transaction(|tx| async move {
                exec(&tx, add("x", id + 1)).await?;
                std::future::pending::<Result<()>>().await
            });
            assert!(timeout(Duration::from_micros(700), inner).await.is_err());
            tally.unknown.fetch_add(1, Ordering::Relaxed);
            match tx.commit().await {
                Ok(()) => {
                    tally.unknown.fetch_sub(1, Ordering::Relaxed);
                    tally.committed.fetch_add(1, Ordering::Relaxed);
                    Ok(())
                }
                Err(Error::Transaction(TransactionError::Poisoned)) => {
                    tally.unknown.fetch_sub(1, Ordering::Relaxed);
                    Ok(())
                }
                other => other,
            }
        }),
        _ => Box::pin(async move {
            number(db, DB::slow(3)).await?;
            Ok(())
        }),
    };
    match timeout(deadline, work).await {
        Ok(result) => result.unwrap(),
        Err(_) => {
            tally.cut.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Callers that give up sooner than a connection can be made do not keep it from being made.
async fn cold_start<DB: Lab>() {
    let bench = Bench::<DB>::new(3).await;
    bench.is_clean().await;
    let db = Db::<DB>::builder().max_connections(3).connect(&DB::url(&bench.table)).await.unwrap();
    let mut held = Vec::new();
    for _ in 0..2000 {
        if let Ok(conn) = timeout(Duration::from_micros(200), db.acquire()).await {
            held.push(conn.unwrap());
        }
        if held.len() == 3 {
            break;
        }
        tokio::task::yield_now().await;
    }
    if held.len() < 3 {
        until("connections appear", || db.metrics().size == 3).await;
    }
    drop(held);
    db.close().await;
    bench.done().await;
}

async fn foreign_threads<DB: Lab>() {
    let bench = Bench::<DB>::new(3).await;
    let (conn, tx, cut) = (
        bench.db.acquire().await.unwrap(),
        bench.db.begin().await.unwrap(),
        bench.db.acquire().await.unwrap(),
    );
    exec(&tx, bench.insert(10)).await.unwrap();
    assert!(cut_after_one_poll(number(&cut, DB::slow(20))));
    let thread = std::thread::spawn(move || {
        drop(conn);
        drop(tx);
        drop(cut);
    });
    assert!(thread.join().is_ok());
    bench.is_clean().await;
    assert_eq!(bench.rows().await, 3);
    bench.done().await;
}

/// Everything is dropped after its runtime has gone.
async fn no_runtime<DB: Lab>() {
    let bench = Bench::<DB>::new(1).await;
    let (url, insert) = (DB::url(&bench.table), bench.insert(10));
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let left = runtime.block_on(async {
            let db = Db::<DB>::builder().max_connections(4).connect(&url).await.unwrap();
            let (conn, cut, idle, tx) = (
                db.acquire().await.unwrap(),
                db.acquire().await.unwrap(),
                db.acquire().await.unwrap(),
                db.begin().await.unwrap(),
            );
            exec(&tx, insert).await.unwrap();
            assert!(cut_after_one_poll(number(&cut, DB::slow(20))));
            drop(idle); // lies in the stack
            (conn, cut, tx, db)
        });
        drop(runtime);
        drop(left);
    });
    assert!(thread.join().is_ok(), "a drop panicked");
    bench.is_clean().await;
    assert_eq!(bench.rows().await, 3);
    bench.done().await;
}

async fn closing<DB: Lab>() {
    let bench = Bench::<DB>::new(1).await;
    let db = bench.db.clone();
    let conn = db.acquire().await.unwrap();
    let waiting = tokio::spawn({
        let db = db.clone();
        async move { db.acquire().await.map(drop) }
    });
    until("somebody waits", || db.metrics().waiters == 1).await;
    let closing = tokio::spawn({
        let db = db.clone();
        async move { db.close().await }
    });
    assert!(matches!(waiting.await.unwrap(), Err(Error::Pool(PoolError::Closed))));
    assert!(matches!(db.acquire().await, Err(Error::Pool(PoolError::Closed))));
    assert_eq!(number(&conn, bench.count()).await.unwrap(), 3); // leases in use go on
    drop(conn);
    closing.await.unwrap();
    assert_eq!(db.metrics().held, 0);
    let again = Db::<DB>::builder().connect(&DB::url(&bench.table)).await.unwrap();
    Bench { db: again, table: bench.table.clone() }.done().await;
}

/// A pool of sqlx's own, and others who use it beside us.
async fn user_pools<DB: Lab>() {
    let bench = Bench::<DB>::new(2).await;
    let db = Db::from(bench.db.pool().clone());
    bench.is_clean().await;
    let busy: Vec<_> = (0..8)
        .map(|_| {
            let (db, sql) = (db.clone(), bench.count());
            tokio::spawn(async move {
                for _ in 0..200 {
                    assert_eq!(number(&db, sql.clone()).await.unwrap(), 3);
                }
            })
        })
        .collect();
    for _ in 0..20 {
        drop(bench.db.pool().acquire().await.unwrap());
    }
    for task in busy {
        task.await.unwrap();
    }
    until("everything comes back", || db.metrics().held == 0).await;
    bench.is_clean().await;
    bench.done().await;
}

async fn waiters_and_timeouts<DB: Lab>() {
    let bench =
        Bench::<DB>::with(Db::<DB>::builder().max_connections(1).acquire_timeout(Duration::from_millis(300)))
            .await;
    let db = bench.db.clone();
    let conn = db.acquire().await.unwrap();
    let Err(Error::Pool(PoolError::TimedOut { max, .. })) = db.acquire().await else { panic!("no time-out") };
    assert_eq!(max, 1);
    assert_eq!(db.metrics().waiters, 0);
    // those who go away leave the queue, wherever they stood in it
    for _ in 0..50 {
        assert!(cut_after_one_poll(db.acquire()));
    }
    assert_eq!(db.metrics().waiters, 0);
    let (a, b, c) = (Box::pin(db.acquire()), Box::pin(db.acquire()), Box::pin(db.acquire()));
    let mut all = [a, b, c];
    for waiting in &mut all {
        assert!(is_pending(waiting));
    }
    let [a, b, c] = all;
    assert_eq!(db.metrics().waiters, 3);
    drop(b);
    assert_eq!(db.metrics().waiters, 2);
    drop(conn);
    drop(a.await.unwrap());
    drop(c.await.unwrap());
    // one that was handed a connection and goes away without looking
    let conn = db.acquire().await.unwrap();
    let mut late = Box::pin(db.acquire());
    assert!(is_pending(&mut late));
    drop(conn);
    drop(late);
    assert_eq!(bench.rows().await, 3);
    bench.is_clean().await;
    bench.done().await;
}

async fn one_at_a_time_is_fair<DB: Lab>() {
    let bench = Arc::new(Bench::<DB>::new(2).await);
    let left = Arc::new(std::sync::atomic::AtomicI64::new(4000));
    let tasks: Vec<_> = (0..12)
        .map(|_| {
            let (bench, left) = (bench.clone(), left.clone());
            tokio::spawn(async move {
                let mut done = 0_u64;
                while left.fetch_sub(1, Ordering::Relaxed) > 0 {
                    number(&bench.db, bench.count()).await.unwrap();
                    done += 1;
                }
                done
            })
        })
        .collect();
    let mut done = Vec::new();
    for task in tasks {
        done.push(task.await.unwrap());
    }
    done.sort_unstable();
    assert!(done[0] * 2 >= done[done.len() / 2], "{done:?}");
    Arc::into_inner(bench).unwrap().done().await;
}
