//! What a service needs around its database, on PostgreSQL.

pub type DB = sqlx::Postgres;

mod cases;
mod server;

fn address(options: &sqlx::postgres::PgConnectOptions) -> String {
    format!("{}:{}", options.get_host(), options.get_port())
}

fn at(options: sqlx::postgres::PgConnectOptions, port: u16) -> sqlx::postgres::PgConnectOptions {
    options.host("127.0.0.1").port(port)
}

/// A serialization failure that the server finds when it commits.
#[tokio::test]
async fn what_fails_at_commit_is_tried_again() {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use kysera::infra::Retry;
    use kysera_tests::{Ddl, Fixture};

    // Sequences are not rolled back, so the first two transactions fail, and the third does not.
    const DDL: Ddl = Ddl {
        postgres: "CREATE TABLE counters (id BIGINT PRIMARY KEY, value BIGINT NOT NULL);
            CREATE SEQUENCE tries;
            CREATE FUNCTION fail() RETURNS TRIGGER LANGUAGE plpgsql AS $$
                BEGIN
                    IF nextval('tries') < 3 THEN RAISE EXCEPTION 'not yet' USING ERRCODE = '40001'; END IF;
                    RETURN NULL;
                END
            $$;
            CREATE CONSTRAINT TRIGGER late AFTER INSERT ON counters DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION fail()",
        ..Ddl::NONE
    };
    let db = Fixture::<DB>::new(&DDL).await;
    let retry = Retry::new().delays(Duration::ZERO, Duration::ZERO).unwrap();
    let runs = AtomicU32::new(0);
    retry
        .transaction(db.source(), |tx| {
            runs.fetch_add(1, Ordering::Relaxed);
            async move { cases::add(&tx, 1).await }
        })
        .await
        .unwrap();
    assert_eq!(runs.into_inner(), 3);
    assert_eq!(db.scalar::<i64>("SELECT COUNT(*) FROM counters").await, 1);
}
/// Functions of the test's own stand before those of the server.
#[tokio::test]
async fn a_replica_says_how_far_it_is_behind() {
    use std::time::Duration;

    use kysera::infra::{HealthCheck, ReplicaHealth, Status};
    use kysera_tests::{Ddl, Fixture};

    const DDL: Ddl = Ddl {
        postgres: "CREATE FUNCTION pg_is_in_recovery() RETURNS BOOLEAN LANGUAGE SQL AS 'SELECT TRUE';
            CREATE FUNCTION pg_last_xact_replay_timestamp() RETURNS TIMESTAMPTZ LANGUAGE SQL
                AS 'SELECT now() - interval ''90.5 seconds'''",
        ..Ddl::NONE
    };
    const AGAIN: &str =
        "CREATE OR REPLACE FUNCTION pg_last_xact_replay_timestamp() RETURNS TIMESTAMPTZ LANGUAGE";
    let hour = Duration::from_secs(60 * 60);
    let check = HealthCheck::new().thresholds(hour, hour).unwrap().timeout(hour).unwrap();
    let db = Fixture::<DB>::new(&DDL).await;
    let schema: String = db.scalar("SELECT current_schema()::text").await;
    let path = format!("{schema},pg_catalog");
    let replica = db.connect(db.options().options([("search_path", path)]), 1).await;
    let lag = async || {
        let health = check.run(&replica).await;
        assert_eq!((health.status, &*health.errors), (Status::Healthy, &[][..]));
        let ReplicaHealth { lag, .. } = health.replica.unwrap();
        lag
    };
    assert_eq!(lag().await, Some(Duration::from_millis(90_500)));
    for (body, expected) in [
        ("SQL AS 'SELECT now() + interval ''1 second'''", Some(Duration::ZERO)), // by another clock
        ("SQL AS 'SELECT NULL::timestamptz'", None),
        ("plpgsql AS 'BEGIN RAISE ''not here''; END'", None),
    ] {
        db.execute(&format!("{AGAIN} {body}")).await;
        assert_eq!(lag().await, expected, "{body}");
    }
    assert_eq!(check.run(db.source()).await.replica, None);
}
