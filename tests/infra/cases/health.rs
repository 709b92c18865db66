//! How a database is, as it says itself.

use std::time::Duration;

use futures_util::FutureExt;
use kysera::Db;
use kysera::infra::{HealthCheck, HealthMonitor, Status};
use kysera::source::Policy;
use kysera_tests::{Ddl, Fixture};

use crate::DB;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// However slow the machine is that the tests run on.
fn patient() -> HealthCheck {
    HealthCheck::new().thresholds(HOUR, HOUR).unwrap().timeout(HOUR).unwrap()
}

#[tokio::test]
async fn one_that_is_up() {
    let db = Fixture::<DB>::concurrent(&Ddl::NONE, 3).await;
    let _conn = db.source().acquire().await.unwrap();
    let health = patient().run(db.source()).await;
    assert_eq!((health.status, &*health.errors), (Status::Healthy, &[][..]));
    let version = health.version.unwrap();
    assert!(version.starts_with(|first: char| first.is_ascii_digit()), "{version}");
    assert!(!health.database.unwrap().contains('/'));
    assert_eq!(health.replica, None);
    let pool = health.pool;
    assert_eq!((pool.max, pool.in_use, pool.waiting), (3, 1, 0));
    assert_eq!(pool.size, pool.idle + pool.in_use);
}

/// What the `Db` keeps for the next statement, nobody uses, whatever sqlx thinks.
#[tokio::test]
async fn connections_that_are_kept_are_idle() {
    let db = Fixture::<DB>::concurrent(&Ddl::NONE, 1).await;
    let mut policy = Policy::default();
    (policy.idle, policy.turn, policy.hold) = (HOUR, HOUR, HOUR);
    let source = Db::<DB>::builder().policy(policy).connect_with(db.options()).await.unwrap();
    drop(source.acquire().await.unwrap());
    assert_eq!(source.metrics().idle, 1);
    let pool = patient().run(&source).await.pool;
    assert_eq!((pool.size, pool.idle, pool.in_use), (1, 1, 0));
}

/// All connections are taken for a while: the wait counts.
#[tokio::test]
async fn one_that_is_slow() {
    let check =
        HealthCheck::new().thresholds(Duration::from_millis(100), HOUR).unwrap().timeout(HOUR).unwrap();
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    let conn = db.source().acquire().await.unwrap();
    tokio::time::pause();
    let mut slow = check.run(db.source()).boxed();
    assert!((&mut slow).now_or_never().is_none());
    tokio::time::advance(Duration::from_millis(200)).await;
    tokio::time::resume();
    drop(conn);
    let health = slow.await;
    assert_eq!((health.status, &*health.errors), (Status::Degraded, &[][..]));
    assert!(health.version.is_some());
}

#[tokio::test]
async fn one_that_is_busy_for_ever() {
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    let conn = db.source().acquire().await.unwrap();
    tokio::time::pause();
    // Everyone waits, and the clock goes to whoever is the first to give up.
    let checks = futures_util::future::join_all((0..10).map(|_| db.source().health())).await;
    tokio::time::resume();
    for (before, health) in checks.into_iter().enumerate() {
        assert_eq!(health.status, Status::Unhealthy);
        assert_eq!(health.errors, ["timed out: no answer within 5s"]);
        assert_eq!((health.pool.in_use, health.pool.waiting), (1, before), "the pool is told all the same");
    }
    assert_eq!(db.source().metrics().waiters, 0, "nobody is left behind");
    drop(conn);
    assert!(patient().run(db.source()).await.errors.is_empty());
}

#[tokio::test]
async fn one_that_is_closed() {
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    db.source().close().await;
    let health = db.source().health().await;
    assert_eq!(health.status, Status::Unhealthy);
    assert_eq!(health.errors, ["the pool is closed"]);
    assert_eq!(health.version, None);
}

#[tokio::test]
async fn a_monitor_goes_on_after_errors_and_ends_with_itself() {
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    let monitor = HealthMonitor::start(db.source(), patient(), Duration::from_millis(1)).unwrap();
    assert_eq!(monitor.latest(), None);
    let mut checks = monitor.watch();
    let is = |status| {
        move |health: &Option<kysera::infra::Health>| {
            health.as_ref().is_some_and(|health| health.status == status)
        }
    };
    checks.wait_for(is(Status::Healthy)).await.unwrap();
    assert_eq!(monitor.latest().unwrap().status, Status::Healthy);
    db.source().close().await;
    checks.wait_for(is(Status::Unhealthy)).await.unwrap();
    checks.changed().await.unwrap();
    drop(monitor);
    for _ in 0..100 {
        if checks.changed().await.is_err() {
            return;
        }
    }
    panic!("it goes on without its monitor");
}
