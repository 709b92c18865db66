//! A network that breaks, for a while or for good, and servers that hang up or take their time: one failure for each
//! statement that met it, none afterwards, and all connections back.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use kysera::backend::{Backend, Dialect};
use kysera::prelude::*;
use kysera::source::{Policy, SessionLimits};
use tokio::time::timeout;

use super::*;
use crate::cases::{is_idle, is_whole, until};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Four connections, all of which are in the cache or, if it is given the time, in sqlx's pool.
async fn warm(builder: DbBuilder<DB>) -> Line {
    let line = Line::new(builder.max_connections(4)).await;
    is_whole(&line.db).await;
    line
}

/// How many of the next statements fail.
async fn failures(db: &Db<DB>, statements: usize) -> usize {
    let mut failures = 0;
    for _ in 0..statements {
        if let Err(error) = ask(db).await {
            assert!(is_broken(&error), "{error:?}");
            failures += 1;
        }
    }
    failures
}

#[tokio::test]
async fn one_statement_meets_a_break() {
    let line = warm(still(Db::builder())).await;
    line.proxy.break_all();
    assert!(failures(&line.db, 40).await <= 1);
    is_whole(&line.db).await;
    // All of them in sqlx's pool.
    let line = warm(Db::builder()).await;
    until("the cache does not empty", async || line.db.metrics().held == 0).await;
    line.proxy.break_all();
    assert!(failures(&line.db, 40).await <= 1);
    is_whole(&line.db).await;
}

#[tokio::test]
async fn those_in_flight_meet_a_break_and_nobody_after_them() {
    let line = warm(still(Db::builder())).await;
    line.proxy.hold();
    let mut all = join_all((0..4).map(|_| ask(&line.db))).boxed();
    assert!((&mut all).now_or_never().is_none());
    let waiting = ask(&line.db);
    line.proxy.break_all();
    let met = all.await;
    assert!(met.iter().all(|end| is_broken(end.as_ref().unwrap_err())));
    line.proxy.release();
    waiting.await.unwrap();
    assert_eq!(failures(&line.db, 40).await, 0);
    is_whole(&line.db).await;
}

/// Sessions that the server ends.
#[tokio::test]
async fn one_statement_meets_a_session_that_was_ended() {
    let line = warm(still(Db::builder())).await;
    let (all, end) = match DB::DIALECT {
        Dialect::Postgres => (
            "SELECT pid::bigint FROM pg_stat_activity WHERE pid <> pg_backend_pid()
                AND application_name = current_setting('application_name')",
            "SELECT pg_terminate_backend",
        ),
        _ => (
            "SELECT CAST(id AS SIGNED) FROM information_schema.processlist
                WHERE db = DATABASE() AND id <> CONNECTION_ID()",
            "KILL ",
        ),
    };
    // The one that asks is not among them.
    line.outside.source().acquire().await.unwrap();
    let ids = line.outside.column::<i64>(all).await;
    assert!(ids.len() >= 4);
    let tx = line.db.begin().await.unwrap();
    create(&tx, 1).await.unwrap();
    for id in ids {
        // Those of the fixture's own that wait in its pool may be gone by now.
        let _ = line.outside.source().raw_sql(sqlx::AssertSqlSafe(format!("{end}({id})"))).await;
    }
    let lost = tx.commit().await.unwrap_err();
    assert!(lost.is_outage() && !lost.is_transient(), "{lost:?}");
    assert!(failures(&line.db, 40).await <= 1);
    is_idle(line.outside.source()).await;
    assert!(line.transfers().await.is_empty());
    is_whole(&line.db).await;
}

/// Whoever has the patience does not notice.
#[tokio::test]
async fn a_server_that_refuses_for_a_while() {
    let line = warm(still(Db::builder())).await;
    line.proxy.break_all();
    line.proxy.refuse();
    while ask(&line.db).now_or_never().is_some() {}
    let mut patient = ask(&line.db).boxed();
    for _ in 0..100 {
        assert!((&mut patient).now_or_never().is_none_or(|end| end.is_err()));
        tokio::task::yield_now().await;
        if line.db.metrics().waiters > 0 {
            break;
        }
        patient = ask(&line.db).boxed();
    }
    assert!(std::net::TcpStream::connect(line.proxy.address()).is_err());
    line.proxy.accept();
    patient.await.unwrap();
    assert_eq!(failures(&line.db, 40).await, 0);
    is_whole(&line.db).await;
}

/// Whoever has not is told so, and not kept for longer.
#[tokio::test]
async fn a_server_that_refuses_for_too_long() {
    let line = warm(Db::builder().acquire_timeout(Duration::from_millis(200))).await;
    line.proxy.break_all();
    line.proxy.refuse();
    while ask(&line.db).await.is_ok() {}
    let all = join_all((0..20).map(|_| ask(&line.db))).await;
    assert!(all.iter().all(|end| matches!(end, Err(error) if error.is_outage() && error.is_transient())));
    assert_eq!((line.db.metrics().waiters, line.db.metrics().held), (0, 0));
    line.proxy.accept();
    assert_eq!(failures(&line.db, 40).await, 0);
    is_whole(&line.db).await;
}

/// Nothing arrives for a while, and callers give up.
#[tokio::test]
async fn a_black_hole_for_a_while() {
    let line = warm(still(Db::builder())).await;
    line.proxy.black_hole();
    let all = join_all((0..12).map(|_| timeout(Duration::from_millis(20), ask(&line.db)))).await;
    assert!(all.iter().all(|end| end.is_err()));
    line.proxy.release();
    assert_eq!(failures(&line.db, 40).await, 0);
    is_whole(&line.db).await;
}

/// The same for longer than a recovery may take: what cannot be recovered is closed, and made again.
#[tokio::test]
async fn a_black_hole_for_long() {
    let line = warm(still(Db::builder())).await;
    line.proxy.black_hole();
    tokio::time::pause();
    let all = join_all((0..12).map(|_| timeout(Duration::from_millis(20), ask(&line.db)))).await;
    assert!(all.iter().all(|end| end.is_err()));
    until("nothing is closed", async || line.db.metrics().closed >= 4).await;
    tokio::time::resume();
    line.proxy.release();
    assert_eq!(failures(&line.db, 40).await, 0);
    is_whole(&line.db).await;
}

/// The server has lost power: no answer, and no word that there will be none. Connections that lie in the cache.
#[tokio::test]
async fn a_server_that_is_forgotten() {
    let mut policy = Policy::default();
    (policy.idle, policy.turn) = (HOUR, HOUR);
    policy.recover = Duration::from_millis(50);
    let line = warm(Db::builder().policy(policy)).await;
    line.proxy.forget();
    // Whoever comes first finds out; the others need not.
    assert!(timeout(Duration::from_millis(100), ask(&line.db)).await.is_err());
    until("nothing is closed", async || line.db.metrics().closed >= 1).await;
    assert_eq!(failures(&line.db, 40).await, 0);
    is_whole(&line.db).await;
}

/// The same while nobody is looking: on their way back into sqlx's pool, and within it.
#[tokio::test]
async fn a_server_that_is_forgotten_while_nobody_looks() {
    let line = warm(Db::builder()).await;
    line.proxy.forget();
    until("the cache does not empty", async || line.db.metrics().idle == 0).await;
    ask(&line.db).await.unwrap();
    is_whole(&line.db).await;
    assert!(line.db.metrics().closed >= 4, "{:?}", line.db.metrics());
    until("the cache does not empty", async || line.db.metrics().held == 0).await;
    // Nor does it keep the pool from being closed.
    is_whole(&line.db).await;
    line.proxy.forget();
    line.db.close().await;
    assert_eq!(line.db.metrics().size, 0);
}

/// How long a caller waits at most, whatever there is to be found out about connections meanwhile.
#[tokio::test]
async fn nobody_waits_for_longer_than_was_said() {
    let mut policy = Policy::default();
    policy.acquire = Duration::from_secs(2);
    (policy.idle, policy.turn) = (HOUR, HOUR);
    let line = warm(Db::builder().policy(policy)).await;
    line.proxy.break_all();
    // Everything is under suspicion now, and nothing answers any more.
    let _ = failures(&line.db, 1).await;
    is_whole(&line.db).await;
    let tx = line.db.begin().await.unwrap();
    line.proxy.cut_at(kysera_tests::proxy::Side::Server, 0);
    create(&tx, 1).await.unwrap_err();
    drop(tx);
    line.proxy.black_hole();
    tokio::time::pause();
    let start = tokio::time::Instant::now();
    assert!(ask(&line.db).await.is_err());
    let waited = start.elapsed();
    tokio::time::resume();
    assert!(waited <= Duration::from_millis(2100), "{waited:?} of the clock of the test");
    line.proxy.release();
    assert_eq!(failures(&line.db, 40).await, 0);
    is_whole(&line.db).await;
}

/// Answers that come when nobody waits for them any more.
#[tokio::test]
async fn a_server_that_is_slow() {
    let line = warm(Db::builder()).await;
    for _ in 0..10 {
        line.proxy.hold();
        let asked = join_all((0..16).map(|_| timeout(Duration::from_millis(5), ask(&line.db)))).await;
        assert!(asked.iter().all(|end| end.is_err()));
        line.proxy.release();
        assert_eq!(failures(&line.db, 8).await, 0);
    }
    is_whole(&line.db).await;
    if DB::DRAINS {
        assert_eq!(line.db.metrics().closed, 0);
    }
}

/// The client is free at once, and the server soon.
#[tokio::test]
async fn a_long_statement_that_is_abandoned() {
    let mut limits = SessionLimits::default();
    let (slow, running) = match DB::DIALECT {
        Dialect::Postgres => {
            limits.statement = None; // its connection is watched
            (
                "SELECT 1::bigint FROM pg_sleep(600)",
                "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT 1::bigint FROM pg_sleep%'
                    AND state = 'active' AND application_name = current_setting('application_name')",
            )
        }
        _ => {
            limits.statement = Some(Duration::from_secs(1)); // MySQL does not look
            (
                "SELECT SLEEP(600)",
                "SELECT COUNT(*) FROM information_schema.processlist
                    WHERE db = DATABASE() AND info LIKE 'SELECT SLEEP%'",
            )
        }
    };
    let line = Line::new(Db::builder().session_limits(limits).max_connections(1)).await;
    let work = line.db.raw_sql(slow);
    let running = async || line.outside.scalar::<i64>(running).await;
    let started = until("it does not begin", async || running().await == 1);
    futures_util::future::select(std::pin::pin!(work), std::pin::pin!(started)).await;
    ask(&line.db).await.unwrap();
    until("it does not end", async || running().await == 0).await;
    is_whole(&line.db).await;
}

#[tokio::test]
async fn a_statement_is_a_round_trip() {
    let line = Line::new(Db::builder()).await;
    let Line { proxy, db, .. } = &line;
    for _ in 0..3 {
        ask(db).await.unwrap();
    }
    let accounts = Account::repo(db);
    let (_, trips) = proxy
        .count(async {
            for id in 0..1000 {
                assert!(accounts.find_by_id(id % ACCOUNTS + 1).await.unwrap().is_some());
            }
        })
        .await;
    assert!((1000..=1010).contains(&trips), "{trips} round trips");
    // On a line that nothing else uses.
    let line = Line::still(1).await;
    let Line { proxy, db, .. } = &line;
    ask(db).await.unwrap();
    db.transaction(|tx| async move { Account::repo(&tx).get(1).await }).await.unwrap();
    let (_, alone) = proxy.count(async { Account::repo(db).get(1).await.unwrap() }).await;
    let (_, within) = proxy
        .count(async { db.transaction(|tx| async move { Account::repo(&tx).get(1).await }).await.unwrap() })
        .await;
    let (_, nothing) = proxy.count(async { db.transaction(|_| async { Ok(()) }).await.unwrap() }).await;
    let (_, by_hand) = proxy
        .count(async {
            let tx = db.begin().await.unwrap();
            Account::repo(&tx).get(1).await.unwrap();
            tx.rollback().await.unwrap();
        })
        .await;
    assert_eq!((alone, within, nothing, by_hand), (1, 3, 2, 3));
}

/// More statements than sqlx keeps by itself.
#[tokio::test]
async fn statements_stay_prepared() {
    let outside = bank(2, ACCOUNTS).await;
    let proxy = Proxy::start(address(&outside.options())).await;
    let url = url(&outside.options(), proxy.address().port());
    let db = still(Db::builder()).max_connections(1).connect(&url).await.unwrap();
    let accounts = Account::repo(&db);
    let all = async || {
        for n in 0..300_u64 {
            // The number of conditions makes the text.
            let conditions = Filter::all((0..n).map(|_| Account::BALANCE.ge(0)));
            assert_eq!(accounts.find().filter(conditions).count().await.unwrap(), 3);
        }
    };
    all().await;
    assert_eq!(proxy.count(all()).await.1, 300);
}
