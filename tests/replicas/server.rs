//! Replicas that break, behind a network that does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use kysera::prelude::*;
use kysera::source::Policy;
use kysera_tests::Fixture;
use kysera_tests::proxy::Proxy;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::cases::{HOUR, cluster, counters, read, served, until};
use crate::{DB, address, at};

fn left_out(db: &Db<DB>) -> Vec<bool> {
    db.replicas().iter().map(|replica| replica.left_out.is_some()).collect()
}

async fn proxied(db: &Fixture<DB>) -> [Proxy; 2] {
    [Proxy::start(address(&db.options())).await, Proxy::start(address(&db.options())).await]
}

/// One statement fails with its connection, and all that come later are answered by the other one.
#[tokio::test]
async fn one_that_breaks_is_left_out_and_comes_back() {
    let db = counters().await;
    let [first, second] = proxied(&db).await;
    let source = cluster(&db)
        .replica_with(at(db.options(), first.address().port()))
        .replica_with(at(db.options(), second.address().port()))
        .pause(Duration::ZERO)
        .connect()
        .await
        .unwrap();
    let replica = source.replica();
    for _ in 0..4 {
        read(&replica).await.unwrap();
    }
    assert_eq!(served(&source), [2, 2]);
    first.refuse();
    first.break_all();
    let mut failures = 0;
    for _ in 0..40 {
        match read(&replica).await {
            Ok(value) => assert_eq!(value, 7),
            Err(error) => {
                assert!(error.is_outage(), "{error}");
                failures += 1;
            }
        }
    }
    assert!(failures <= 1, "{failures} statements failed");
    until(async || left_out(&source) == [true, false]).await;
    let [there, other] = served(&source)[..] else { panic!() };
    for _ in 0..10 {
        assert_eq!(read(&replica).await.unwrap(), 7);
    }
    assert_eq!(served(&source), [there, other + 10]);

    first.accept();
    until(async || {
        read(&replica).await.unwrap();
        left_out(&source) == [false, false]
    })
    .await;
    let before = served(&source)[0];
    for _ in 0..10 {
        assert_eq!(read(&replica).await.unwrap(), 7);
    }
    assert_eq!(served(&source)[0], before + 5, "and has its part again");
}

/// All are gone: an error at once, not after the wait for a connection; the primary where that is wished for.
#[tokio::test]
async fn all_break() {
    let db = counters().await;
    for fall_back in [false, true] {
        let [first, second] = proxied(&db).await;
        let mut builder = cluster(&db)
            .replica_with(at(db.options(), first.address().port()))
            .replica_with(at(db.options(), second.address().port()))
            .pause(HOUR);
        if fall_back {
            builder = builder.fall_back_to_primary();
        }
        let source = builder.connect().await.unwrap();
        for _ in 0..2 {
            read(&source.replica()).await.unwrap();
        }
        first.cut();
        second.cut();
        until(async || {
            let _ = read(&source.replica()).await;
            left_out(&source) == [true, true]
        })
        .await;
        let answers = join_all((0..10).map(|_| async { read(&source.replica()).await })).await;
        assert!(answers.iter().all(|answer| answer.is_ok() == fall_back), "{answers:?}");
    }
}

/// A network that swallows everything. Whoever reads gives up, the connection does not come clean, and nor does a new one answer.
#[tokio::test]
async fn one_that_falls_silent_is_left_out() {
    let db = counters().await;
    let [first, second] = proxied(&db).await;
    let mut policy = Policy::default();
    policy.recover = Duration::from_millis(20);
    let source = Db::<DB>::builder()
        .policy(policy)
        .primary_with(db.options())
        .replica_with(at(db.options(), first.address().port()))
        .replica_with(at(db.options(), second.address().port()))
        .pause(HOUR)
        .connect()
        .await
        .unwrap();
    for _ in 0..4 {
        read(&source.replica()).await.unwrap();
    }
    first.black_hole();
    until(async || {
        let _ = timeout(Duration::from_millis(20), read(&source.replica())).await;
        left_out(&source) == [true, false]
    })
    .await;
    for _ in 0..10 {
        assert_eq!(read(&source.replica()).await.unwrap(), 7);
    }
    let health = source.health().await;
    assert!(!health.replicas[0].serves && health.replicas[1].serves);
    assert!(health.replicas[0].health.errors[0].contains("does not answer"), "{health:?}");
}

/// A server that takes connections and hangs up.
async fn hangs_up() -> (u16, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(AtomicU32::new(0));
    let count = seen.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            drop(client);
        }
    });
    (port, seen)
}

#[tokio::test]
async fn one_connection_finds_out_whoever_asks() {
    let db = counters().await;
    let (port, seen) = hangs_up().await;
    let source = cluster(&db)
        .replica_with(at(db.options(), port))
        .replica_with(db.options())
        .pause(HOUR)
        .connect()
        .await
        .unwrap();
    assert_eq!((left_out(&source), seen.load(Ordering::SeqCst)), (vec![true, false], 1));
    let all = async || {
        let answers = join_all((0..64).map(|_| async { read(&source.replica()).await })).await;
        assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|value| *value == 7)), "{answers:?}");
    };
    all().await;
    let mut before = seen.load(Ordering::SeqCst);
    assert_eq!(before, 1, "it is left alone for the pause");
    // Of the clock that is put forward, no deadline can be taken.
    for _ in 0..10_000 {
        tokio::time::pause();
        tokio::time::advance(HOUR).await;
        tokio::time::resume();
        all().await;
        all().await;
        let now = seen.load(Ordering::SeqCst);
        assert!(now - before <= 1, "{before} {now}");
        before = now;
        if now >= 4 {
            return;
        }
    }
    panic!("it is left alone for ever");
}

/// Many readers, while one of two replicas dies and comes back again and again: what is answered is right, and in the end all is well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_read_while_one_dies() {
    const TASKS: i64 = 64;
    let db = counters().await;
    for id in 2..=TASKS {
        db.execute(&format!("INSERT INTO counters VALUES ({id}, {id} * 1000)")).await;
    }
    db.execute("UPDATE counters SET value = 1000 WHERE id = 1").await;
    let [first, second] = proxied(&db).await;
    let source = Db::<DB>::builder()
        .max_connections(8)
        .primary_with(db.options())
        .replica_with(at(db.options(), first.address().port()))
        .replica_with(at(db.options(), second.address().port()))
        .pause(Duration::from_millis(5))
        .connect()
        .await
        .unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = (1..=TASKS)
        .map(|id| {
            let (replica, over) = (source.replica(), over.clone());
            tokio::spawn(async move {
                let (mut right, mut failed) = (0_u32, 0_u32);
                while !over.load(Ordering::SeqCst) {
                    match crate::cases::Counter::repo(&replica).get(id).await {
                        Ok(counter) => {
                            assert_eq!((counter.id, counter.value), (id, id * 1000));
                            right += 1;
                        }
                        Err(error) => {
                            assert!(error.is_outage(), "{error}");
                            failed += 1;
                        }
                    }
                    tokio::task::yield_now().await;
                }
                (right, failed)
            })
        })
        .collect();
    for _ in 0..5 {
        first.refuse();
        first.break_all();
        until(async || left_out(&source)[0]).await;
        first.accept();
        let before = served(&source)[0];
        until(async || !left_out(&source)[0] && served(&source)[0] > before).await;
    }
    over.store(true, Ordering::SeqCst);
    let (mut right, mut failed) = (0, 0);
    for task in join_all(tasks).await {
        let (ok, err) = task.unwrap();
        assert!(ok > 0, "nobody starves");
        (right, failed) = (right + ok, failed + err);
    }
    // 8 connections may break in mid-statement each time.
    assert!(failed <= 5 * 8 + 64, "{failed} of {} failed", right + failed);
    for _ in 0..2 {
        assert!(read(&source.replica()).await.is_ok());
    }
    until(async || source.replicas().iter().all(|replica| replica.pool.held == replica.pool.idle)).await;
}
