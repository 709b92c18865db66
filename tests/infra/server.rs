//! What needs a server, and a network that breaks.

use std::future::IntoFuture;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{Either, join_all, select, try_join};
use kysera::backend::Dialect;
use kysera::error::{BreakerError, DeadlineStage, TransactionError};
use kysera::infra::{Breaker, HealthCheck, Retry, State, Status, Trip};
use kysera::prelude::*;
use kysera::source::Policy;
use kysera::{Error, Isolation};
use kysera_tests::Fixture;
use kysera_tests::observed::Log;
use kysera_tests::proxy::Proxy;
use tokio::sync::Barrier;

use crate::cases::deadline::{ENDLESS, pass, patient, running, stage, until};
use crate::cases::{COUNTERS, Counter, CounterPatch, add};
use crate::{DB, address, at};

/// The same for a database that is given up soon.
async fn impatient(db: &Fixture<DB>) -> (Proxy, Db<DB>) {
    let proxy = Proxy::start(address(&db.options())).await;
    let options = at(db.options(), proxy.address().port());
    let source =
        Db::builder().acquire_timeout(Duration::from_millis(100)).connect_with(options).await.unwrap();
    (proxy, source)
}

/// A proxy, and the same database through it.
async fn through(db: &Fixture<DB>) -> (Proxy, Db<DB>) {
    let proxy = Proxy::start(address(&db.options())).await;
    let source = db.connect(at(db.options(), proxy.address().port()), 1).await;
    (proxy, source)
}

/// Both have read before either writes: one of them must fail, and does so once.
#[tokio::test]
async fn a_conflict_is_tried_again() {
    let db = Fixture::<DB>::concurrent(&COUNTERS, 2).await;
    add(db.source(), 1).await.unwrap();
    let retry = Retry::new().delays(Duration::ZERO, Duration::ZERO).unwrap();
    let (runs, both) = (AtomicU32::new(0), Barrier::new(2));
    let one = || {
        db.source().begin().isolation(Isolation::Serializable).retry(&retry).run(|tx| {
            let first = runs.fetch_add(1, Ordering::Relaxed) < 2;
            let both = &both;
            async move {
                let counters = Counter::repo(&tx);
                let value = counters.get(1).await?.value;
                if first {
                    both.wait().await;
                }
                counters.update(1, CounterPatch::new().value(value + 1)).await
            }
        })
    };
    try_join(one(), one()).await.unwrap();
    assert_eq!(runs.load(Ordering::Relaxed), 3);
    assert_eq!(db.scalar::<i64>("SELECT value FROM counters").await, 2);
}

/// The server has heard it, and may have committed.
#[tokio::test]
async fn a_commit_without_an_answer_is_not_tried_again() {
    let db = Fixture::<DB>::new(&COUNTERS).await;
    let (proxy, source) = through(&db).await;
    let log = Log::new();
    let source = source.observed_by(log.clone());
    let runs = AtomicU32::new(0);
    let lost = Retry::new()
        .transaction(&source, |tx| {
            let run = runs.fetch_add(1, Ordering::Relaxed);
            let proxy = &proxy;
            async move {
                add(&tx, run.into()).await?;
                proxy.cut_after(b"COMMIT");
                Ok(())
            }
        })
        .await;
    let lost = lost.unwrap_err();
    assert!(matches!(lost, Error::Transaction(TransactionError::OutcomeUnknown { .. })), "{lost}");
    assert_eq!(runs.into_inner(), 1);
    let told = log.take();
    let last = told.last().unwrap();
    assert_eq!((&*last.name, last.outcome), ("commit", lost.code().as_str()));
    assert_eq!(told.iter().filter(|told| told.outcome != "ok").count(), 1);
}

/// Before COMMIT it is certain that nothing happened.
#[tokio::test]
async fn a_connection_that_breaks_within_a_transaction_is_made_up_for() {
    let db = Fixture::<DB>::new(&COUNTERS).await;
    let (proxy, source) = through(&db).await;
    let retry = Retry::new().delays(Duration::ZERO, Duration::ZERO).unwrap();
    let runs = AtomicU32::new(0);
    retry
        .transaction(&source, |tx| {
            let run = runs.fetch_add(1, Ordering::Relaxed);
            let proxy = &proxy;
            async move {
                if run == 0 {
                    proxy.cut_after(b"counters");
                }
                add(&tx, run.into()).await
            }
        })
        .await
        .unwrap();
    assert_eq!(runs.into_inner(), 2);
    assert_eq!(db.column::<i64>("SELECT id FROM counters").await, [1]);
}

/// Callers at the same time, of a database that goes away and comes back.
#[tokio::test]
async fn a_breaker_opens_for_all_and_one_finds_that_the_database_is_back() {
    const PAUSE: Duration = Duration::from_secs(60);
    let db = Fixture::<DB>::concurrent(&COUNTERS, 4).await;
    let (proxy, gone) = impatient(&db).await;
    let breaker = Breaker::new(Trip::Consecutive(8), PAUSE).unwrap();
    let calls = AtomicU32::new(0);
    let call = |source| {
        let calls = &calls;
        breaker.run(move || async move {
            calls.fetch_add(1, Ordering::Relaxed);
            Counter::repo(source).count().await
        })
    };
    assert!(join_all((0..16).map(|_| call(&gone))).await.into_iter().all(|result| result.is_ok()));
    proxy.cut();
    assert!(join_all((0..16).map(|_| call(&gone))).await.into_iter().all(|result| result.is_err()));
    assert_eq!((breaker.state(), calls.load(Ordering::Relaxed)), (State::Open, 32));
    for refused in join_all((0..16).map(|_| call(&gone))).await {
        assert!(matches!(refused, Err(Error::Breaker(BreakerError::Open { .. }))), "{refused:?}");
    }
    assert_eq!(calls.load(Ordering::Relaxed), 32, "nobody asks the database");

    tokio::time::pause();
    tokio::time::advance(PAUSE).await;
    tokio::time::resume();
    let back = join_all((0..16).map(|_| call(db.source()))).await;
    let trial = back.iter().filter(|result| result.is_ok()).count();
    let waiting = |result: &&_| matches!(result, Err(Error::Breaker(BreakerError::Trial)));
    assert_eq!((trial, back.iter().filter(waiting).count()), (1, 15));
    assert_eq!((breaker.state(), calls.load(Ordering::Relaxed)), (State::Closed, 33));
}

const HOUR: Duration = Duration::from_secs(60 * 60);

#[tokio::test]
async fn a_server_that_answers_late_is_degraded() {
    let db = Fixture::<DB>::new(&COUNTERS).await;
    let (proxy, source) = through(&db).await;
    let late = Duration::from_millis(200);
    let of = async |check: HealthCheck| {
        proxy.hold();
        tokio::time::pause();
        let mut answer = check.run(&source).boxed();
        assert!((&mut answer).now_or_never().is_none());
        tokio::time::advance(late).await;
        tokio::time::resume();
        proxy.release();
        answer.await
    };
    let check = HealthCheck::new().timeout(HOUR).unwrap();
    let health = of(check.clone().thresholds(late, HOUR).unwrap()).await;
    assert_eq!((health.status, &*health.errors), (Status::Degraded, &[][..]));
    let health = of(check.thresholds(late / 2, late).unwrap()).await;
    assert_eq!((health.status, &*health.errors), (Status::Unhealthy, &[][..]));
    assert!(health.version.is_some());
}

#[tokio::test]
async fn a_server_that_never_answers_is_unhealthy() {
    let db = Fixture::<DB>::new(&COUNTERS).await;
    let (proxy, source) = through(&db).await;
    proxy.hold();
    tokio::time::pause();
    let health = source.health().await;
    tokio::time::resume();
    assert_eq!(health.status, Status::Unhealthy);
    assert_eq!(health.errors, ["timed out: no answer within 5s"]);
    proxy.release();
    let health = HealthCheck::new().timeout(HOUR).unwrap().run(&source).await;
    assert!(health.errors.is_empty(), "{health:?}");
}

#[tokio::test]
async fn a_server_that_is_gone_is_unhealthy() {
    let db = Fixture::<DB>::new(&COUNTERS).await;
    let (proxy, source) = impatient(&db).await;
    proxy.cut();
    // The connection that breaks, and none in its place.
    for _ in 0..2 {
        let health = source.health().await;
        assert_eq!((health.status, health.errors.len()), (Status::Unhealthy, 1));
        assert_eq!((health.version, health.database), (None, None));
    }
}

/// A proxy, and the same database through it, for an hour.
pub async fn timed(db: &Fixture<DB>) -> (Proxy, Db<DB>, Db<DB>) {
    let (proxy, source) = through(db).await;
    let source = Db::builder().policy(patient()).build(source.pool().clone());
    add(&source, 1).await.unwrap();
    let timed = source.clone().with_deadline(HOUR);
    assert_eq!(Counter::repo(&timed).count().await.unwrap(), 1);
    (proxy, source, timed)
}

/// Polls it while no answer comes.
async fn stuck<T>(work: &mut (impl Future<Output = T> + Unpin)) {
    assert!(work.now_or_never().is_none());
}

/// An answer that is late by less than the patience for it.
#[tokio::test]
async fn a_commit_that_is_on_its_way_is_waited_for() {
    let db = Fixture::<DB>::concurrent(&COUNTERS, 1).await;
    let (proxy, source, timed) = timed(&db).await;
    let tx = timed.begin().await.unwrap();
    add(&tx, 2).await.unwrap();
    proxy.hold();
    let mut commit = tx.commit().boxed();
    stuck(&mut commit).await;
    pass(HOUR).await;
    stuck(&mut commit).await;
    proxy.release();
    commit.await.unwrap();
    assert_eq!(Counter::repo(&source).count().await.unwrap(), 2);
    assert_eq!(source.metrics().closed, 0);
}

/// And one that takes longer: it may have happened, and here it did.
#[tokio::test]
async fn a_commit_without_an_answer_in_time_is_unknown() {
    let db = Fixture::<DB>::concurrent(&COUNTERS, 1).await;
    let (proxy, source, timed) = timed(&db).await;
    let tx = timed.begin().await.unwrap();
    add(&tx, 2).await.unwrap();
    proxy.hold();
    let mut commit = tx.commit().boxed();
    stuck(&mut commit).await;
    pass(HOUR + Policy::default().recover).await;
    let lost = commit.await.unwrap_err();
    assert!(matches!(lost, Error::Transaction(TransactionError::OutcomeUnknown { .. })), "{lost}");
    assert_eq!(source.metrics().closed, 1);
    proxy.release();
    let counters = Counter::repo(db.source());
    until(|| async { counters.count().await.unwrap() == 2 }).await;
}

/// BEGIN and what is sent outside of a transaction. The server cannot be told either, so that the connection is closed.
#[tokio::test]
async fn what_cannot_be_stopped_is_closed() {
    let db = Fixture::<DB>::concurrent(&COUNTERS, 1).await;
    let (proxy, source, timed) = timed(&db).await;
    proxy.hold();
    let mut begin = timed.begin().into_future();
    stuck(&mut begin).await;
    pass(HOUR).await;
    assert_eq!(stage(begin.await), DeadlineStage::Running);
    until(|| async { source.metrics().closed == 1 }).await;
    proxy.release();
    assert_eq!(Counter::repo(&source).count().await.unwrap(), 1);
    until(|| async { source.metrics().held == source.metrics().idle }).await;
}

/// However many statements there are to stop: one connection beside the pool's does it.
#[tokio::test]
async fn many_statements_are_stopped() {
    const MANY: u32 = 12;
    let db = Fixture::<DB>::concurrent(&COUNTERS, MANY).await;
    // So many at once, on a machine that does other things as well.
    let mut policy = Policy::default();
    policy.recover = Duration::from_secs(60);
    let source = Db::builder().policy(policy).build(db.source().pool().clone());
    add(&source, 1).await.unwrap();
    let other = db.connect(db.options(), 1).await;
    let timed = source.clone().with_deadline(HOUR);
    let before = source.metrics();
    let work = join_all((0..MANY).map(|_| timed.raw_sql(ENDLESS)));
    let all = until(|| async { running(&other).await == i64::from(MANY) });
    let work = match select(work, pin!(all)).await {
        Either::Left((ended, _)) => panic!("{ended:?}"),
        Either::Right(((), work)) => work,
    };
    pass(HOUR).await;
    for late in work.await {
        assert_eq!(stage(late), DeadlineStage::Running);
    }
    let drains = <DB as kysera::backend::Backend>::DIALECT == Dialect::Postgres;
    until(|| async {
        let metrics = source.metrics();
        let back = if drains { metrics.recovered - before.recovered } else { metrics.closed };
        metrics.stopped == u64::from(MANY) && back == u64::from(MANY)
    })
    .await;
    until(|| async { running(&other).await == 0 }).await;
    assert_eq!(source.metrics().closed, if drains { 0 } else { MANY.into() });
    assert_eq!(Counter::repo(&source).count().await.unwrap(), 1);
}

/// What a deadline costs: the name of the session, once for each time that a connection is checked out.
#[tokio::test]
async fn a_deadline_costs_one_round_trip_per_checkout() {
    let db = Fixture::<DB>::concurrent(&COUNTERS, 1).await;
    let proxy = Proxy::start(address(&db.options())).await;
    let pool = db.connect(at(db.options(), proxy.address().port()), 1).await.pool().clone();
    let source = Db::builder().policy(patient()).build(pool);
    add(&source, 1).await.unwrap();
    let timed = source.clone().with_deadline(HOUR);
    let of = async |db: &Db<DB>| {
        let (found, trips) = proxy.count(Counter::repo(db).find_by_id(1)).await;
        assert!(found.unwrap().is_some());
        trips
    };
    of(&source).await; // prepares it
    let plain = of(&source).await;
    assert_eq!([of(&timed).await, of(&timed).await, of(&source).await], [plain + 1, plain, plain]);
}
