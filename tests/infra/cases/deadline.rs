//! Work that must have ended at a moment.
//!
//! The clock stands still until what a test waits for is in flight, and is then put beyond the deadline.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::{FutureExt, TryStreamExt};
use kysera::backend::{Backend, Dialect};
use kysera::error::{DeadlineStage, ErrorCode};
use kysera::infra::{Jitter, Retry, Status};
use kysera::prelude::*;
use kysera::source::Policy;
use kysera::{Error, Result, Tx};
use kysera_tests::{Fixture, TestBackend};

use super::{COUNTERS, Counter, CounterPatch, NewCounter, add};
use crate::DB;

pub const HOUR: Duration = Duration::from_secs(60 * 60);

/// Never ends by itself.
pub const ENDLESS: &str = match DB::DIALECT {
    Dialect::Postgres => "SELECT pg_sleep(86400)",
    Dialect::MySql => "SELECT SLEEP(86400)",
    _ => "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n",
};

/// The same as a filter.
fn endless() -> Filter<Counter> {
    let text = match DB::DIALECT {
        Dialect::Postgres => "pg_sleep(86400) IS NOT NULL",
        Dialect::MySql => "SLEEP(86400) = 1",
        _ => "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n) = 1",
    };
    Filter::raw(text, [0_i64; 0])
}

/// How many sessions of this test run something endless, on a server.
pub async fn running(db: &Db<DB>) -> i64 {
    let sql = match DB::DIALECT {
        Dialect::Postgres => {
            "SELECT COUNT(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%86400%' AND pid <> pg_backend_pid()
                AND application_name = current_setting('application_name')"
        }
        Dialect::MySql => {
            "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '%86400%' AND id <> CONNECTION_ID()
                AND db = DATABASE()"
        }
        _ => return 0,
    };
    number(db, sql).await
}

async fn number(db: &Db<DB>, sql: &'static str) -> i64 {
    let conn = db.acquire().await.unwrap();
    let mut raw = conn.connection().await.unwrap();
    sqlx::query_scalar(sql).fetch_one(&mut *raw).await.unwrap()
}

/// What other tasks bring about.
pub async fn until<F: Future<Output = bool>>(done: impl Fn() -> F) {
    let done = async {
        while !done().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), done).await.expect("it never happens");
}

pub async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

pub fn stage<T>(result: Result<T>) -> DeadlineStage {
    match result {
        Err(Error::Deadline(late)) => late.stage,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("in time"),
    }
}

/// A connection stays with us while nobody uses it, however long.
pub fn patient() -> Policy {
    let mut policy = Policy::default();
    (policy.idle, policy.turn, policy.hold) = (100 * HOUR, 100 * HOUR, 100 * HOUR);
    policy
}

/// A database with a row, which has an hour; and another door to it. The connection of the first is warm: a statement that is polled
/// once is in flight.
struct World {
    source: Db<DB>,
    timed: Db<DB>,
    other: Db<DB>,
    /// Where the server cannot be asked whether it runs, who runs it says so.
    started: AtomicBool,
    _db: Fixture<DB>,
}

async fn world() -> World {
    let db = Fixture::<DB>::concurrent(&COUNTERS, 1).await;
    let source = Db::builder().policy(patient()).build(db.source().pool().clone());
    add(&source, 1).await.unwrap();
    let timed = source.clone().with_deadline(HOUR);
    let other = db.connect(db.options(), 1).await;
    World { source, timed, other, started: AtomicBool::new(true), _db: db }
}

impl World {
    /// Runs something until an endless statement is in flight, and lets the hour pass.
    async fn late<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let started = until(|| async {
            self.started.load(Ordering::Relaxed)
                && (DB::DIALECT == Dialect::Sqlite || running(&self.other).await == 1)
        });
        let work = pin!(work);
        let work = match select(work, pin!(started)).await {
            Either::Left((Ok(_), _)) => panic!("it ended by itself"),
            Either::Left((Err(error), _)) => panic!("{error}"),
            Either::Right(((), work)) => work,
        };
        pass(HOUR).await;
        work.await
    }

    /// The statement is stopped, and the connection is the pool's again where that is possible.
    async fn recovers(&self) {
        let source = &self.source;
        let drains = DB::DIALECT != Dialect::MySql;
        until(|| async {
            let metrics = source.metrics();
            metrics.stopped == 1 && if drains { metrics.recovered == 1 } else { metrics.closed == 1 }
        })
        .await;
        until(|| async { running(&self.other).await == 0 }).await;
        until(|| async { DB::in_transaction(&self.other).await == 0 }).await;
        assert_eq!(source.metrics().closed, u64::from(!drains));
        assert_eq!(Counter::repo(source).count().await.unwrap(), 1);
    }
}

#[tokio::test]
async fn a_statement_that_does_not_end_is_stopped() {
    let world = world().await;
    assert_eq!(Counter::repo(&world.timed).count().await.unwrap(), 1);
    let counters = Counter::repo(&world.timed);
    let late = world.late(counters.find().filter(endless()).all()).await.unwrap_err();
    assert_eq!((late.code(), late.is_transient(), late.is_outage()), (ErrorCode::Timeout, false, false));
    assert_eq!(
        late.to_string(),
        "Counter: the deadline of 3600s passed while a statement was in flight: it may have happened, unless it was part \
         of a transaction"
    );
    let json = serde_json::to_value(&late).unwrap();
    assert_eq!(
        (&json["code"], &json["entity"], &json["stage"]),
        (&"DB_TIMEOUT".into(), &"Counter".into(), &"running".into())
    );
    world.recovers().await;
    assert_eq!(
        stage(counters.count().await),
        DeadlineStage::Before,
        "the moment has passed for all that follows"
    );
}

#[tokio::test]
async fn sql_of_ones_own_is_stopped() {
    let world = world().await;
    assert_eq!(Counter::repo(&world.timed).count().await.unwrap(), 1);
    assert_eq!(stage(world.late(world.timed.raw_sql(ENDLESS)).await), DeadlineStage::Running);
    world.recovers().await;
}

#[tokio::test]
async fn a_kept_connection_is_stopped() {
    let world = world().await;
    let conn = world.timed.acquire().await.unwrap();
    let counters = Counter::repo(&conn);
    assert_eq!(stage(world.late(counters.find().filter(endless()).all()).await), DeadlineStage::Running);
    world.recovers().await;
    assert_eq!(stage(counters.count().await), DeadlineStage::Before);
    assert_eq!(stage(conn.connection().await.map(drop)), DeadlineStage::Before);
    assert_eq!(stage(conn.detach().await.map(drop)), DeadlineStage::Before);
}

/// An operation of several statements has a transaction of its own.
#[tokio::test]
async fn a_unit_that_does_not_end_is_undone() {
    let world = world().await;
    assert_eq!(Counter::repo(&world.timed).count().await.unwrap(), 1);
    let counters = Counter::repo(&world.timed);
    let update = counters.find().filter(endless()).update(CounterPatch::new().value(7));
    assert_eq!(stage(world.late(update).await), DeadlineStage::Running);
    world.recovers().await;
    assert_eq!(Counter::repo(&world.other).get(1).await.unwrap().value, 0);
}

#[tokio::test]
async fn a_transaction_ends_with_its_statement() {
    let world = world().await;
    let runs = AtomicU32::new(0);
    world.started.store(false, Ordering::Relaxed);
    let work = world.timed.transaction(|tx| {
        let (runs, started) = (&runs, &world.started);
        async move {
            let counters = Counter::repo(&tx);
            counters.update(1, CounterPatch::new().value(7)).await?;
            add(&tx, 2).await?;
            started.store(true, Ordering::Relaxed);
            assert_eq!(stage(counters.find().filter(endless()).all().await), DeadlineStage::Running);
            runs.fetch_add(1, Ordering::Relaxed);
            // It is over, whatever the closure makes of it.
            assert_eq!(stage(counters.count().await), DeadlineStage::Before);
            assert_eq!(stage(tx.connection().await.map(drop)), DeadlineStage::Before);
            assert_eq!(stage(tx.transaction(|_| async { Ok(()) }).await), DeadlineStage::Before);
            Ok(())
        }
    });
    assert_eq!(stage(world.late(work).await), DeadlineStage::Commit);
    assert_eq!(runs.into_inner(), 1);
    assert_eq!(world.source.metrics().transactions, 0);
    world.recovers().await;
    // It holds no lock either.
    let counters = Counter::repo(&world.other);
    assert_eq!(counters.update(1, CounterPatch::new().value(8)).await.unwrap().value, 8);
}

#[tokio::test]
async fn a_savepoint_ends_with_its_transaction() {
    let world = world().await;
    let tx = world.timed.begin().await.unwrap();
    add(&tx, 2).await.unwrap();
    world.started.store(false, Ordering::Relaxed);
    let inner = tx.transaction(|tx| async {
        let tx = tx;
        add(&tx, 3).await?;
        world.started.store(true, Ordering::Relaxed);
        Counter::repo(&tx).find().filter(endless()).all().await
    });
    assert_eq!(stage(world.late(inner).await), DeadlineStage::Running);
    tx.rollback().await.unwrap();
    world.recovers().await;
}

#[tokio::test]
async fn a_transaction_that_is_late_is_not_committed() {
    let world = world().await;
    let source = &world.source;
    let tx = world.timed.begin().await.unwrap();
    add(&tx, 2).await.unwrap();
    pass(HOUR).await;
    let late = tx.commit().await.unwrap_err();
    assert_eq!(
        late.to_string(),
        "the deadline of 3600s passed before COMMIT: the transaction was rolled back"
    );
    until(|| async { source.metrics().recovered == 1 }).await;
    assert_eq!((source.metrics().stopped, source.metrics().closed), (0, 0), "nothing ran");
    assert_eq!(Counter::repo(source).count().await.unwrap(), 1);

    // And one that is rolled back is just that.
    let timed = source.clone().with_deadline(HOUR);
    let tx = timed.begin().await.unwrap();
    add(&tx, 2).await.unwrap();
    pass(HOUR).await;
    tx.rollback().await.unwrap();
    until(|| async { source.metrics().recovered == 2 }).await;
    assert_eq!(Counter::repo(source).count().await.unwrap(), 1);
}

#[tokio::test]
async fn the_wait_for_a_connection_counts() {
    let world = world().await;
    let source = &world.source;
    let second = Duration::from_secs(1);
    let conn = source.acquire().await.unwrap();
    let timed = source.clone().with_deadline(second);
    let counters = Counter::repo(&timed);
    let mut work = counters.count().boxed();
    assert!((&mut work).now_or_never().is_none());
    assert_eq!(source.metrics().waiters, 1);
    pass(second).await;
    let late = work.await.unwrap_err();
    assert_eq!(
        late.to_string(),
        "Counter: the deadline of 1s passed while a connection was waited for: nothing was sent"
    );
    assert!(late.is_outage() && !late.is_transient());
    assert_eq!(source.metrics().waiters, 0);
    drop(conn);
    assert_eq!(Counter::repo(source).count().await.unwrap(), 1);
}

#[tokio::test]
async fn the_wait_for_ones_turn_counts() {
    let world = world().await;
    let conn = world.timed.acquire().await.unwrap();
    let raw = conn.connection().await.unwrap();
    let counters = Counter::repo(&conn);
    let mut work = counters.count().boxed();
    assert!((&mut work).now_or_never().is_none());
    pass(HOUR).await;
    assert_eq!(stage(work.await), DeadlineStage::Before);
    drop(raw);

    let timed = world.source.clone().with_deadline(HOUR);
    drop(conn);
    let tx = timed.begin().await.unwrap();
    let raw = tx.connection().await.unwrap();
    let counters = Counter::repo(&tx);
    let mut work = counters.count().boxed();
    assert!((&mut work).now_or_never().is_none());
    pass(HOUR).await;
    assert_eq!(stage(work.await), DeadlineStage::Before);
    drop(raw);
    assert_eq!(stage(tx.commit().await), DeadlineStage::Commit);
}

#[tokio::test]
async fn what_begins_late_is_refused() {
    let world = world().await;
    let late = world.source.clone().with_deadline(Duration::ZERO);
    let counters = Counter::repo(&late);
    for refused in [
        stage(counters.count().await),
        stage(counters.create(NewCounter { id: 2, value: 0 }).await),
        stage(counters.find().stream().try_next().await),
        stage(late.acquire().await),
        stage(late.begin().await),
        stage(late.transaction(|_| async { Ok(()) }).await),
        stage(late.raw_sql("SELECT 1").await),
    ] {
        assert_eq!(refused, DeadlineStage::Before);
    }
    assert_eq!(late.health().await.status, Status::Healthy, "it has a time of its own");
    assert_eq!(Counter::repo(&world.source).count().await.unwrap(), 1);
}

#[tokio::test]
async fn the_first_of_several_deadlines_counts() {
    let world = world().await;
    let source = &world.source;
    let (short, long) = (Duration::from_secs(1), HOUR);
    let sooner = source.clone().with_deadline(long).with_deadline(short);
    let later = source.clone().with_deadline(short).with_deadline(long).with_context(7);
    let never = source.clone().with_deadline(Duration::MAX);
    assert_eq!(Counter::repo(&sooner).count().await.unwrap(), 1);
    assert_eq!(Counter::repo(&later).count().await.unwrap(), 1);
    pass(short).await;
    assert_eq!(stage(Counter::repo(&sooner).count().await), DeadlineStage::Before);
    assert_eq!(stage(Counter::repo(&later).count().await), DeadlineStage::Before);
    assert_eq!(Counter::repo(&never).count().await.unwrap(), 1);
    assert_eq!(Counter::repo(source).count().await.unwrap(), 1);
}

#[tokio::test]
async fn each_row_of_a_stream_counts() {
    let world = world().await;
    add(&world.other, 2).await.unwrap();
    let counters = Counter::repo(&world.timed);
    let mut rows = counters.find().order_by(Counter::ID.asc()).stream();
    assert_eq!(rows.try_next().await.unwrap().unwrap().id, 1);
    pass(HOUR).await;
    assert_eq!(stage(rows.try_next().await), DeadlineStage::Running, "also if it has arrived");
    assert_eq!(rows.try_next().await.unwrap(), None);
    assert_eq!(Counter::repo(&world.source).count().await.unwrap(), 2);

    let timed = world.source.clone().with_deadline(HOUR);
    let counters = Counter::repo(&timed);
    assert_eq!(counters.count().await.unwrap(), 2);
    let mut rows = counters.find().filter(endless()).stream();
    assert_eq!(stage(world.late(rows.try_next()).await), DeadlineStage::Running);
}

#[tokio::test]
async fn no_pause_ends_after_the_deadline() {
    let world = world().await;
    let minute = Duration::from_secs(60);
    let retry = Retry::new().delays(minute, minute).unwrap().jitter(Jitter::none());
    let timed = world.source.clone().with_deadline(minute);
    let failed =
        retry.transaction(&timed, |_| async { Err::<(), _>(sqlx::Error::PoolTimedOut.into()) }).await;
    assert!(matches!(failed, Err(Error::GaveUp { attempts: 1, out_of_budget: false, .. })), "{failed:?}");
    // Its own error comes out as it is.
    let late = retry
        .transaction(&timed, |tx| async move {
            pass(minute).await;
            add(&tx, 2).await
        })
        .await;
    assert_eq!(stage(late), DeadlineStage::Before);
}

/// What a future answers, if it does within so many polls.
async fn polled<F: Future + Unpin>(polls: usize, future: &mut F) -> Option<F::Output> {
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.poll_unpin(context).map(Some)
    })
    .await
}

async fn writes(tx: Tx<DB>) -> Result<()> {
    let counters = Counter::repo(&tx);
    counters.update(1, CounterPatch::new().value(7)).await?;
    tx.transaction(|tx| async move { add(&tx, 2).await }).await?;
    let _ = counters.find().stream().try_next().await?;
    Ok(())
}

/// More than the transaction has points where it may wait. How often it does is a matter of how fast the answers come.
const POLLS: usize = 16;

/// What is stored, whatever became of the transaction; all of it or nothing. Then everything is as it was.
async fn settled(world: &World, polls: usize) -> bool {
    until(|| async { DB::in_transaction(&world.other).await == 0 }).await;
    let counters = Counter::repo(&world.other);
    let stored = counters.find().order_by(Counter::ID.asc()).all().await.unwrap();
    let values: Vec<_> = stored.iter().map(|counter| (counter.id, counter.value)).collect();
    let done = values == [(1, 7), (2, 0)];
    assert!(done || values == [(1, 0)], "{values:?} after {polls} polls");
    // Waits for locks, should there be any.
    counters.update(1, CounterPatch::new().value(0)).await.unwrap();
    counters.find().filter(Counter::ID.eq(2)).delete().await.unwrap();
    assert_eq!(Counter::repo(&world.source).count().await.unwrap(), 1);
    done
}

/// The deadline passes somewhere in a transaction.
#[tokio::test]
async fn whenever_it_passes_nothing_is_half_done() {
    let world = world().await;
    for polls in 0..POLLS {
        let timed = world.source.clone().with_deadline(HOUR);
        let mut work = timed.transaction(writes).boxed();
        let ended = match polled(polls, &mut work).await {
            Some(ended) => ended,
            None => {
                pass(HOUR).await;
                work.await
            }
        };
        // COMMIT may have been on its way.
        let done = ended.is_ok();
        if !done {
            stage(ended);
        }
        assert_eq!(settled(&world, polls).await, done);
    }
    until(|| async { world.source.metrics().held == world.source.metrics().idle }).await;
}

/// Nor is anything left over of what is dropped before.
#[tokio::test]
async fn a_deadline_changes_nothing_for_what_is_dropped() {
    let world = world().await;
    for polls in 0..POLLS {
        let timed = world.source.clone().with_deadline(HOUR);
        let mut work = timed.transaction(writes).boxed();
        let ended = polled(polls, &mut work).await;
        drop(work);
        let done = settled(&world, polls).await;
        if let Some(ended) = ended {
            ended.unwrap();
            assert!(done);
        }
    }
    assert_eq!(world.source.metrics().stopped, 0);
}
