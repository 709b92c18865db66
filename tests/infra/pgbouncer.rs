//! PgBouncer in transaction mode before PostgreSQL.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{FutureExt, TryStreamExt};
use kysera::infra::{Retry, Status};
use kysera::prelude::*;
use kysera::source::PgBouncer;
use kysera::{Error, ErrorCode, Result};
use kysera_tests::{Ddl, Fixture, pooler};
use sqlx::postgres::PgPoolOptions;

type DB = sqlx::Postgres;

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "numbers")]
struct Number {
    #[kysera(id, assigned)]
    id: i64,
    value: i64,
}

const NUMBERS: Ddl = Ddl {
    postgres: "CREATE TABLE numbers (id BIGINT PRIMARY KEY, value BIGINT NOT NULL);
        INSERT INTO numbers SELECT i, i * 1000 FROM generate_series(1, 500) AS i",
    ..Ddl::NONE
};

/// A database behind PgBouncer, in the mode that this one fits.
async fn database() -> Fixture<DB> {
    Fixture::<DB>::behind_pgbouncer(&NUMBERS, 8).await
}

/// A schema that is reached from eight connections, through three sessions of the server.
async fn narrow(db: &Fixture<DB>, mode: PgBouncer) -> Db<DB> {
    let schema: String = db.scalar("SELECT current_schema()::text").await;
    let options = pooler::options(mode).database(pooler::NARROW);
    let source = Db::builder().max_connections(8).pgbouncer(mode).connect_with(options).await.unwrap();
    source.in_schema(&schema).unwrap()
}

const CLIENTS: i64 = 8;
const ROUNDS: i64 = 250;

/// More clients than sessions, with two statements each.
async fn stress(db: &Db<DB>) {
    let clients = (0..CLIENTS).map(|client| {
        let db = db.clone();
        tokio::spawn(async move {
            let numbers = Number::repo(&db);
            for round in 0..ROUNDS {
                let id = (client * 53 + round * 17) % 500 + 1;
                let number = numbers.get(id).await?;
                assert_eq!((number.id, number.value / 1000), (id, id));
                let found = numbers.find().filter(Number::ID.le(id)).count().await?;
                assert_eq!(found, u64::try_from(id).unwrap());
            }
            Ok::<_, Error>(())
        })
    });
    for client in join_all(clients).await {
        client.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everyone_gets_their_own_rows() {
    let db = Fixture::<DB>::new(&NUMBERS).await;
    let mut modes = vec![PgBouncer::Legacy, pooler::mode().await];
    modes.dedup();
    for mode in modes {
        let source = narrow(&db, mode).await;
        stress(&source).await;
        assert_eq!(source.metrics().closed, 0);
    }
}

/// What the mode is for: with the settings that are usually recommended, some get those of others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unnamed_statements_outside_of_transactions_are_mixed_up() {
    let options = pooler::options(PgBouncer::Legacy).database(pooler::NARROW);
    let pool = PgPoolOptions::new().max_connections(8).connect_with(options).await.unwrap();
    let wrong = AtomicU32::new(0);
    // Until it happens.
    for _ in 0..200 {
        let clients = (0..CLIENTS).map(|client| {
            let (pool, wrong) = (&pool, &wrong);
            async move {
                for round in 0..20 {
                    let n = client * 1000 + round;
                    let sql = if client % 2 == 0 { "SELECT $1::int8" } else { "SELECT $1::int8 + 1" };
                    let answer =
                        sqlx::query_scalar::<_, i64>(sql).bind(n).persistent(false).fetch_one(pool).await;
                    if !matches!(answer, Ok(answer) if answer == n + client % 2) {
                        wrong.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        });
        join_all(clients).await;
        if wrong.load(Ordering::Relaxed) > 0 {
            return;
        }
    }
    panic!("they are not: the mode `Legacy` need not open transactions any more");
}

async fn refused(connect: impl Future<Output = Result<Db<DB>>>) -> String {
    let error = connect.await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unsupported, "{error}");
    error.to_string()
}

#[tokio::test]
async fn a_pooler_of_which_nobody_spoke_is_refused() {
    let told = refused(Db::<DB>::connect(&pooler::url())).await;
    assert!(
        told.starts_with("PgBouncer cannot do this: it keeps no settings of sessions. Say which one it is"),
        "{told}"
    );
    // Options of one's own are no better.
    let mode = pooler::mode().await;
    let options = pooler::options(mode).options([("work_mem", "1MB")]);
    refused(Db::<DB>::builder().pgbouncer(mode).connect_with(options)).await;
}

#[tokio::test]
async fn a_mode_that_is_not_safe_is_refused() {
    let url = pooler::url();
    let prepared = Db::<DB>::builder().pgbouncer(PgBouncer::Prepared).connect(&url);
    if pooler::mode().await == PgBouncer::Legacy {
        let told = refused(prepared).await;
        assert!(told.contains("does not follow prepared statements"), "{told}");
    } else {
        prepared.await.unwrap();
    }
    Db::<DB>::builder().pgbouncer(PgBouncer::Legacy).connect(&url).await.unwrap();
    // Nothing is wrong with a server that has none before it, either.
    for mode in [PgBouncer::Prepared, PgBouncer::Legacy] {
        let url = std::env::var("KYSERA_POSTGRES_URL").unwrap();
        Db::<DB>::builder().pgbouncer(mode).connect(&url).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_read_as_a_stream_is_whole() {
    let db = database().await;
    let numbers = Number::repo(db.source());
    let rows = || numbers.find().order_by(Number::ID.asc()).stream();
    let all: Vec<Number> = rows().try_collect().await.unwrap();
    assert_eq!(all.len(), 500);
    // One that is left early, and one that fails.
    assert_eq!(rows().try_next().await.unwrap().unwrap().id, 1);
    let by_zero = Filter::raw("1 / (id - 300) < 2", [0_i64; 0]);
    let failed: Result<Vec<Number>> = numbers.find().filter(by_zero).stream().try_collect().await;
    failed.unwrap_err();
    stress(db.source()).await;
    let idle = "SELECT COUNT(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' AND datname = current_database()";
    assert_eq!(db.scalar::<i64>(idle).await, 0);
}

#[tokio::test]
async fn health_and_plans_are_asked_for() {
    let db = database().await;
    for _ in 0..20 {
        let asked = (0..8).map(|_| async {
            let health = db.source().health().await;
            assert!(health.errors.is_empty() && health.status != Status::Unhealthy, "{health:?}");
            let numbers = Number::repo(db.source());
            let plan = numbers.find().filter(Number::ID.eq(7)).explain().await.unwrap();
            assert!(plan.to_string().contains("numbers"), "{plan}");
        });
        join_all(asked).await;
    }
}

/// What a future answers, if it does within so many polls.
async fn cut<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

/// Nobody meets what others left.
#[tokio::test]
async fn what_is_dropped_is_cleaned_up() {
    let db = database().await;
    let source = db.source();
    for polls in 0..20 {
        let numbers = Number::repo(source);
        let clients = (1..=8_i64).map(|id| {
            let numbers = &numbers;
            async move {
                if id % 2 == 0 {
                    let number = cut(polls, numbers.get(id)).await;
                    assert!(number.is_none_or(|number| number.unwrap().value == id * 1000));
                } else {
                    let _ = cut(
                        polls,
                        source.transaction(|tx| async move {
                            let numbers = Number::repo(&tx);
                            let number = numbers.get(id).await?;
                            numbers.update(id, NumberPatch::new().value(number.value + 1)).await?;
                            Err::<(), _>(Error::other("undone"))
                        }),
                    )
                    .await;
                }
            }
        });
        join_all(clients).await;
        for id in 1..=8 {
            assert_eq!(numbers.get(id).await.unwrap().value, id * 1000);
        }
    }
    let idle = "SELECT COUNT(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' AND datname = current_database()";
    while db.scalar::<i64>(idle).await > 0 {
        tokio::task::yield_now().await;
    }
}

/// It may be anybody's by then, so that nothing is stopped on the server.
#[tokio::test]
async fn a_deadline_ends_the_call_alone() {
    let db = database().await;
    let timed = db.source().clone().with_deadline(Duration::from_secs(60));
    let numbers = Number::repo(&timed);
    assert_eq!(numbers.count().await.unwrap(), 500);
    let find = numbers.find().filter(Filter::raw("pg_sleep(3) IS NOT NULL AND id = 1", [0_i64; 0]));
    let mut work = find.all().boxed();
    let running = "SELECT COUNT(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(3)%' AND pid <> pg_backend_pid()
        AND datname = current_database()";
    loop {
        assert!((&mut work).now_or_never().is_none());
        if db.scalar::<i64>(running).await == 1 {
            break;
        }
    }
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(60)).await;
    tokio::time::resume();
    assert!(matches!(work.await, Err(Error::Deadline(_))));
    assert_eq!(db.source().metrics().stopped, 0);
    assert_eq!(Number::repo(db.source()).count().await.unwrap(), 500);
}

/// Transactions, savepoints and units of several statements.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_keep_their_session() {
    let db = database().await;
    let retry = Retry::new().attempts(50).unwrap();
    let transfers = (0..8_i64).map(|client| {
        let (source, retry) = (db.source(), &retry);
        async move {
            for round in 0..25 {
                let (from, to) = ((client + round) % 20 + 1, (client * 3 + round * 7) % 20 + 1);
                let moved = retry.transaction(source, |tx| async move {
                    let numbers = Number::repo(&tx);
                    let mut ids = [from, to];
                    ids.sort_unstable();
                    for id in ids {
                        numbers.find().filter(Number::ID.eq(id)).for_update().all().await?;
                    }
                    numbers
                        .find()
                        .filter(Number::ID.eq(from))
                        .set(Number::VALUE, Number::VALUE.minus(1))
                        .execute()
                        .await?;
                    let undone = tx
                        .transaction(|tx| async move {
                            Number::repo(&tx).create(NewNumber { id: from, value: 0 }).await
                        })
                        .await;
                    assert!(undone.unwrap_err().violation().is_some());
                    numbers
                        .find()
                        .filter(Number::ID.eq(to))
                        .set(Number::VALUE, Number::VALUE.plus(1))
                        .execute()
                        .await?;
                    Ok(())
                });
                moved.await?;
            }
            Ok::<_, Error>(())
        }
    });
    for done in join_all(transfers).await {
        done.unwrap();
    }
    let sum = db.scalar::<i64>("SELECT SUM(value)::bigint FROM numbers").await;
    assert_eq!(sum, (1..=500).map(|id| id * 1000).sum::<i64>());
}
