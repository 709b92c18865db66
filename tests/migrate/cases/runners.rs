//! Several who run migrations at once, and those who stop in the middle.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{join_all, poll_fn};
use kysera::ErrorCode;
use kysera::migrate::{Migrator, Progress};
use kysera_tests::{Ddl, Fixture};
use tokio::sync::Notify;

use super::{file, has, migrator, pairs, table, ups};
use crate::DB;

/// The third one of ten runs outside of a transaction.
fn ten() -> Vec<sqlx::migrate::Migration> {
    let mut files = pairs(1..=10);
    let sql = match <DB as kysera::Backend>::DIALECT {
        kysera::backend::Dialect::Postgres => {
            "-- no-transaction\nCREATE INDEX CONCURRENTLY a ON t1 (n); CREATE INDEX CONCURRENTLY b ON t2 (n)"
        }
        _ => "-- no-transaction\nCREATE INDEX a ON t1 (n); CREATE INDEX b ON t2 (n)",
    };
    files[4] = file(3, sqlx::migrate::MigrationType::Simple, sql);
    files.remove(5);
    files
}

/// Each has a pool of its own, as in programs of their own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_at_once_apply_each_migration_once() {
    let db = Fixture::<DB>::concurrent(&Ddl::NONE, 2).await;
    let runners = (0..8).map(async |_| {
        let own = db.connect(db.options(), 2).await;
        tokio::spawn(async move { migrator(ten()).up(&own).await }).await.unwrap().unwrap().versions()
    });
    let mut all: Vec<i64> = join_all(runners).await.concat();
    all.sort();
    assert_eq!(all, (1..=10).collect::<Vec<_>>());
    assert_eq!(table(&db).await, (1..=10).map(|version| (version, true)).collect::<Vec<_>>());
}

/// A runner that stands still in the middle of a migration, until it is dropped.
fn stuck(files: Vec<sqlx::migrate::Migration>, at: i64) -> (Migrator<DB>, Arc<Notify>) {
    struct Stop(i64, Arc<Notify>);
    impl kysera::migrate::Hook for Stop {
        async fn before(&self, step: &kysera::migrate::Step) -> kysera::Result<()> {
            if step.version == self.0 {
                self.1.notify_one();
                std::future::pending::<()>().await;
            }
            Ok(())
        }
    }
    let there = Arc::new(Notify::new());
    (migrator(files).hook(Stop(at, there.clone())), there)
}

#[tokio::test]
async fn who_waits_for_too_long_is_told_for_whom() {
    let db = Fixture::<DB>::concurrent(&Ddl::NONE, 4).await;
    let (first, there) = stuck(pairs(1..=2), 2);
    let mut first = Box::pin(first.up(db.source()));
    futures_util::future::select(&mut first, Box::pin(there.notified())).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let seen = told.clone();
    let second = migrator(pairs(1..=2))
        .lock_timeout(Duration::from_millis(300))
        .on_progress(move |progress| seen.lock().unwrap().push(progress.clone()));
    let own = db.connect(db.options(), 2).await;
    let error = second.up(&own).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::MigrationLocked);
    assert!(error.is_transient());
    let text = error.to_string();
    assert!(text.starts_with("somebody else applies migrations, and did not end within"), "{text}");
    let who = match <DB as kysera::Backend>::DIALECT {
        kysera::backend::Dialect::Postgres => ": process ",
        kysera::backend::Dialect::MySql => ": connection ",
        _ => ": another connection writes to the database",
    };
    assert!(text.contains(who), "{text}");
    assert!(matches!(&told.lock().unwrap()[..], [Progress::Waiting { holder: Some(_) }]));
}

/// A migration that runs outside of a transaction, and has not ended, is not taken for one that was left half done.
#[tokio::test]
async fn who_runs_outside_of_a_transaction_is_alive() {
    let db = Fixture::<DB>::concurrent(&Ddl::NONE, 4).await;
    let files = || {
        let sql = "-- no-transaction\nCREATE TABLE t2 (n INT); INSERT INTO t2 VALUES (1)";
        [pairs([1]), ups(&[(2, sql)]), pairs([3])].concat()
    };
    let (there, arrived) = tokio::sync::oneshot::channel();
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let stop = Mutex::new(Some((there, gone)));
    let first = migrator(files()).on_progress(move |progress| {
        if matches!(progress, Progress::Statement { version: 2, number: 2, .. })
            && let Some((there, gone)) = stop.lock().unwrap().take()
        {
            there.send(()).unwrap();
            gone.recv().unwrap();
        }
    });
    // It blocks its thread.
    let options = db.options();
    let first = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let pool = sqlx::pool::PoolOptions::<DB>::new().connect_with(options).await.unwrap();
            first.up(&kysera::Db::from(pool)).await
        })
    });
    arrived.await.unwrap();
    assert_eq!(table(&db).await, [(1, true), (2, false)]);
    let other = db.connect(db.options(), 2).await;
    let second = migrator(files()).lock_timeout(Duration::from_millis(300));
    for error in [second.up(&other).await.unwrap_err(), second.down(&other, 1).await.unwrap_err()] {
        assert_eq!(error.code(), ErrorCode::MigrationLocked, "{error}");
    }
    go.send(()).unwrap();
    assert_eq!(first.join().unwrap().unwrap().versions(), [1, 2, 3]);
    assert_eq!(second.up(&other).await.unwrap().versions(), [0; 0]);
}

/// What a runner that is dropped has begun is undone, and others can go on at once.
#[tokio::test]
async fn a_runner_that_is_dropped_leaves_nothing() {
    let db = Fixture::<DB>::concurrent(&Ddl::NONE, 4).await;
    let (first, there) = stuck(pairs(1..=3), 2);
    let mut run = Box::pin(first.up(db.source()));
    futures_util::future::select(&mut run, Box::pin(there.notified())).await;
    drop(run);
    assert_eq!(migrator(pairs(1..=3)).up(db.source()).await.unwrap().versions(), [2, 3]);
    assert!(has(&db, "t3").await);
}

/// Dropped after any number of polls: what is there afterwards is what the table says, or it says what to do.
#[tokio::test]
async fn a_runner_may_be_dropped_anywhere() {
    let db = Fixture::<DB>::concurrent(&Ddl::NONE, 4).await;
    let migrator = migrator(pairs(1..=5));
    let mut polls = 1;
    loop {
        let mut run = Box::pin(migrator.up(db.source()));
        let mut left = polls;
        let ended = poll_fn(|cx| {
            left -= 1;
            match run.poll_unpin(cx) {
                std::task::Poll::Ready(end) => std::task::Poll::Ready(Some(end)),
                std::task::Poll::Pending if left == 0 => std::task::Poll::Ready(None),
                std::task::Poll::Pending => std::task::Poll::Pending,
            }
        })
        .await;
        drop(run);
        match ended {
            Some(Ok(report)) if report.done.len() == 5 => break,
            Some(Err(error)) if error.code() == ErrorCode::MigrationDirty => settle(&db, &migrator).await,
            Some(Err(error)) => panic!("{error}"),
            _ => {}
        }
        polls += 7;
        // Where it was cut in a migration that the server goes on with, that one is waited for.
        loop {
            match migrator.reset(db.source()).await {
                Ok(_) => break,
                Err(error) if error.code() == ErrorCode::MigrationDirty => settle(&db, &migrator).await,
                Err(error) => panic!("{error}"),
            }
        }
    }
    assert_eq!(table(&db).await, (1..=5).map(|version| (version, true)).collect::<Vec<_>>());
}

/// Does what the error says.
pub async fn settle(db: &Fixture<DB>, migrator: &Migrator<DB>) {
    let dirty = migrator.status(db.source()).await.unwrap().versions(kysera::migrate::MigrationState::Dirty);
    for version in dirty {
        if has(db, &format!("t{version}")).await {
            migrator.mark_applied(db.source(), version).await.unwrap();
        } else {
            migrator.mark_reverted(db.source(), version).await.unwrap();
        }
    }
}

/// The pool has one connection, and the runner needs two on PostgreSQL: they are not the pool's any more.
#[tokio::test]
async fn a_pool_of_one_is_enough() {
    let db = Fixture::<DB>::concurrent(&Ddl::NONE, 1).await;
    let files = ups(&[(1, "CREATE TABLE t1 (n INT)"), (2, "-- no-transaction\nCREATE INDEX a ON t1 (n)")]);
    assert_eq!(migrator(files).up(db.source()).await.unwrap().versions(), [1, 2]);
    assert_eq!(db.source().metrics().held, 0);
}

#[tokio::test]
async fn a_deadline_ends_a_run() {
    let db = Fixture::<DB>::concurrent(&Ddl::NONE, 4).await;
    let (first, _) = stuck(pairs(1..=2), 2);
    let late = db.source().clone().with_deadline(Duration::from_millis(700));
    let error = first.up(&late).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Timeout);
    // Where others had the lock for so long, it had not come to the first one.
    migrator(pairs(1..=2)).up(db.source()).await.unwrap();
    assert_eq!(table(&db).await, [(1, true), (2, true)]);
}
