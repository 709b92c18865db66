//! How far the replica is behind.

use std::time::Duration;

use kysera::Error;
use kysera::error::PoolError;
use kysera::infra::{HealthCheck, Status};
use kysera::prelude::*;
use kysera_tests::{Ddl, Fixture};
use sqlx::Connection;
use sqlx::postgres::PgConnection;

use super::{Replay, is_replica, on_replica, rows, streaming};
use crate::DB;
use crate::cases::{Counter, HOUR, NewCounter, counters, until};

const MS: Duration = Duration::from_millis(1);

/// Another row, and the replica does not see it.
async fn fall_behind(replay: &Replay, db: &Fixture<DB>, source: &Db<DB>) {
    let position = source.position().await.unwrap();
    let there = db.connect(on_replica(db), 1).await;
    until(async || there.position().await.unwrap() >= position).await;
    replay.pause().await;
    Counter::repo(source).create(NewCounter { id: 2, value: 0 }).await.unwrap();
}

#[tokio::test]
async fn one_that_is_too_far_behind_is_left_out() {
    let replay = Replay::alone().await;
    let db = counters().await;
    let source = streaming(&db).max_lag(200 * MS).pause(20 * MS).connect().await.unwrap();
    let lenient = streaming(&db).max_lag(HOUR).connect().await.unwrap();
    let fallen =
        streaming(&db).max_lag(200 * MS).pause(20 * MS).fall_back_to_primary().connect().await.unwrap();
    for source in [&source, &lenient, &fallen] {
        assert!(is_replica(&source.replica()).await.unwrap());
    }
    fall_behind(&replay, &db, &source).await;
    // It is seen within the second for which a measurement holds.
    until(async || rows(&source, None).await.inspect(|rows| assert_eq!(*rows, 1)).is_err()).await;
    let error = rows(&source, None).await.unwrap_err();
    let Error::Pool(PoolError::NoReplica { why }) = &error else { panic!("{error}") };
    assert!(why[0].contains(" behind, and 200ms is the most"), "{why:?}");
    let metrics = &source.replicas()[0];
    assert!(metrics.lag.is_some_and(|lag| lag > 200 * MS), "{metrics:?}");
    assert_eq!(rows(&lenient, None).await.unwrap(), 1);
    until(async || rows(&fallen, None).await.unwrap() == 2).await;
    assert!(!is_replica(&fallen.replica()).await.unwrap());

    // A check tells as much.
    let check = HealthCheck::new().thresholds(HOUR, HOUR).unwrap().timeout(HOUR).unwrap();
    let health = check.run(&source).await;
    assert_eq!(health.status, Status::Degraded);
    let node = &health.replicas[0];
    assert!(!node.serves && node.health.replica.unwrap().lag > Some(200 * MS), "{node:?}");
    let node = &check.run(&lenient).await.replicas[0];
    assert!(node.serves && node.health.replica.unwrap().lag > Some(200 * MS), "{node:?}");

    replay.resume().await;
    until(async || rows(&source, None).await.is_ok_and(|rows| rows == 2)).await;
    assert!(is_replica(&source.replica()).await.unwrap());
    until(async || is_replica(&fallen.replica()).await.unwrap()).await;
}

/// Nothing was written for longer than that: it is not behind.
#[tokio::test]
async fn silence_is_no_lag() {
    const MAX: Duration = Duration::from_millis(300);
    let _replay = Replay::alone().await;
    let db = counters().await;
    let position = db.source().position().await.unwrap();
    let there = db.connect(on_replica(&db), 1).await;
    until(async || there.position().await.unwrap() >= position).await;
    let mut conn = PgConnection::connect_with(&on_replica(&db)).await.unwrap();
    let silent = "SELECT now() - pg_last_xact_replay_timestamp() > interval '400 ms'";
    until(async || sqlx::query_scalar(silent).fetch_one(&mut conn).await.unwrap()).await;
    let source = streaming(&db).max_lag(MAX).pause(HOUR).connect().await.unwrap();
    assert_eq!(source.replicas()[0].left_out, None);
    assert!(is_replica(&source.replica()).await.unwrap());
    assert!(source.replicas()[0].lag.is_some_and(|lag| lag <= MAX));
    until(async || {
        let replica = source.health().await.replicas[0].health.replica;
        replica.and_then(|replica| replica.lag) == Some(Duration::ZERO)
    })
    .await;
}

/// What stands in the way of the replay is cancelled, and may be tried again.
#[tokio::test]
async fn a_statement_that_is_in_the_way_fails_for_the_moment() {
    let _replay = Replay::shared().await;
    let db = counters().await;
    let source = streaming(&db).wait_for_position(HOUR).connect().await.unwrap();
    let position = source.position().await.unwrap();
    let tx = source.replica().at_least(position).begin().await.unwrap();
    let long = async {
        let mut conn = tx.connection().await.unwrap();
        let error = sqlx::query("SELECT pg_sleep(600) FROM counters").execute(&mut *conn).await.unwrap_err();
        Error::from(error)
    };
    let drop_it = async {
        let mut conn = PgConnection::connect_with(&on_replica(&db)).await.unwrap();
        let running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(600)%' AND state = 'active' \
            AND application_name = current_setting('application_name') AND pid <> pg_backend_pid()";
        until(async || sqlx::query_scalar::<_, i64>(running).fetch_one(&mut conn).await.unwrap() > 0).await;
        db.execute("TRUNCATE counters").await;
    };
    let (error, ()) = futures_util::future::join(long, drop_it).await;
    assert_eq!(error.as_sqlx().and_then(|error| error.as_database_error()?.code()).as_deref(), Some("40001"));
    assert!(error.is_transient() && !error.is_outage(), "{error}");
    drop(tx);
    let position = source.position().await.unwrap();
    assert_eq!(rows(&source, Some(position)).await.unwrap(), 0);
}

/// Something has just come in after an hour of silence: the clock alone would say that it is an hour behind. Functions of the test's own
/// stand before those of the server.
#[tokio::test]
async fn what_has_just_come_in_is_looked_at_twice() {
    const DDL: Ddl = Ddl {
        postgres: "CREATE SEQUENCE looks;
            CREATE FUNCTION pg_is_in_recovery() RETURNS BOOLEAN LANGUAGE SQL AS 'SELECT TRUE';
            CREATE FUNCTION pg_last_xact_replay_timestamp() RETURNS TIMESTAMPTZ LANGUAGE SQL
                AS 'SELECT now() - interval ''1 hour''';
            CREATE FUNCTION pg_last_wal_receive_lsn() RETURNS PG_LSN LANGUAGE SQL AS 'SELECT ''0/200''::pg_lsn';
            CREATE FUNCTION pg_last_wal_replay_lsn() RETURNS PG_LSN LANGUAGE SQL
                AS 'SELECT CASE WHEN nextval(''looks'') > 2 THEN ''0/200'' ELSE ''0/100'' END::pg_lsn'",
        ..Ddl::NONE
    };
    let db = Fixture::<DB>::new(&DDL).await;
    let schema: String = db.scalar("SELECT current_schema()::text").await;
    let replica = db.options().options([("search_path", format!("{schema},pg_catalog"))]);
    let connect = async || {
        let cluster = crate::cases::cluster(&db).replica_with(replica.clone());
        cluster.max_lag(Duration::from_secs(10)).pause(HOUR).connect().await.unwrap().replicas().remove(0)
    };
    let quick = connect().await;
    assert_eq!(quick.left_out, None);
    assert!(quick.lag.is_some_and(|lag| lag >= 20 * MS), "{quick:?}");
    // It does not get on.
    db.execute("ALTER SEQUENCE looks RESTART WITH -1000000 MINVALUE -1000000").await;
    let slow = connect().await;
    assert_eq!(slow.left_out.as_deref(), Some("3600.0s behind, and 10s is the most"));
}
