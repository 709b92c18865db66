//! What a pool costs: one row by its primary key, on connections that are held, through `Db`, through sqlx's own pool, and with the
//! feature `peers` through the pools of tokio-postgres. README.md says how to run it.
//!
//! Everything runs in one process, in rounds, in each of which every way has its turn; a round's ratios are to the held connections of
//! the same round, and the median of all rounds counts. A pool is compared with held connections of its own driver as well:
//! that is what the pool costs, and the rest is the driver.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program for people at a terminal")]

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kysera::prelude::*;
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, FromRow, PgConnection, PgPool};
use tokio::sync::Mutex;

#[derive(Debug, FromRow, Repository)]
#[kysera(table = "bench_pool")]
struct Row {
    #[kysera(id, assigned)]
    id: i64,
    title: String,
    body: String,
    score: i64,
    price: f64,
    kind: i32,
    city: Option<String>,
    done: bool,
}

const FIND: &str = "SELECT id, title, body, score, price, kind, city, done FROM bench_pool WHERE id = $1";
const ROWS: i64 = 10_000;
const CONNECTIONS: usize = 8;
const ROUNDS: usize = 60;
/// Statements of a way in a round.
const STATEMENTS: usize = 4_000;

type Ask = Arc<dyn Fn(usize, i64) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// A way to read a row: by the number of the task, and the key.
struct Way {
    name: &'static str,
    ask: Ask,
    driver: Driver,
    /// Whether each task has a connection of its own, so that there cannot be more of them.
    held: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Driver {
    Sqlx,
    #[cfg(feature = "peers")]
    TokioPostgres,
}

fn way<F>(name: &'static str, driver: Driver, ask: impl Fn(usize, i64) -> F + Send + Sync + 'static) -> Way
where
    F: Future<Output = ()> + Send + 'static,
{
    Way { name, ask: Arc::new(move |task, id| Box::pin(ask(task, id))), driver, held: false }
}

impl Way {
    fn held(self) -> Self {
        Self { held: true, ..self }
    }
}

fn main() {
    let url = std::env::var("KYSERA_POSTGRES_URL").unwrap_or_else(|_| {
        panic!("KYSERA_POSTGRES_URL names the server: eval \"$(tests/services.sh env)\"");
    });
    println!(
        "| runtime | tasks | way | median of a statement | beside held of sqlx (quartiles) | of its own driver |"
    );
    println!("|---|--:|---|--:|--:|--:|");
    for threads in [1, 2] {
        let mut builder = match threads {
            1 => tokio::runtime::Builder::new_current_thread(),
            _ => tokio::runtime::Builder::new_multi_thread(),
        };
        if threads > 1 {
            builder.worker_threads(threads);
        }
        let runtime = builder.enable_all().build().unwrap();
        runtime.block_on(measure(threads, &url));
    }
}

async fn measure(threads: usize, url: &str) {
    set_up(url).await;
    let ways = ways(url).await;
    for tasks in [1, 8, 64] {
        let mut times = vec![Vec::with_capacity(ROUNDS); ways.len()];
        for round in 0..ROUNDS + 3 {
            for turn in 0..ways.len() {
                let at = (turn + round) % ways.len();
                let time = round_of(&ways[at], tasks).await;
                // The first rounds fill caches.
                if round >= 3 {
                    times[at].push(time);
                }
            }
        }
        for (way, own) in ways.iter().zip(&times) {
            let beside =
                |held: &[f64]| quartiles(own.iter().zip(held).map(|(own, held)| own / held).collect());
            let [low, middle, high] = beside(&times[0]);
            let held = ways.iter().position(|held| held.held && held.driver == way.driver).unwrap();
            let [_, of_driver, _] = beside(&times[held]);
            let [_, micros, _] = quartiles(own.iter().map(|time| time * 1e6).collect());
            let name = if threads == 1 { "current thread" } else { "two threads" };
            println!(
                "| {name} | {tasks} | {} | {micros:.1} us | {middle:.2} ({low:.2} - {high:.2}) | {of_driver:.2} |",
                way.name
            );
        }
    }
}

/// Seconds for a statement.
async fn round_of(way: &Way, tasks: usize) -> f64 {
    let tasks = if way.held { tasks.min(CONNECTIONS) } else { tasks };
    let each = STATEMENTS / tasks;
    // What was kept from the last time is taken up before the clock runs.
    (way.ask)(0, 1).await;
    let start = Instant::now();
    let running: Vec<_> = (0..tasks)
        .map(|task| {
            let ask = way.ask.clone();
            tokio::spawn(async move {
                for n in 0..each {
                    let id = (task * 7919 + n * 31) as i64 % ROWS;
                    ask(task, id).await;
                }
            })
        })
        .collect();
    for task in running {
        task.await.unwrap();
    }
    start.elapsed().as_secs_f64() / (each * tasks) as f64
}

fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values[values.len() * quarter / 4])
}

async fn set_up(url: &str) {
    let db = Db::<kysera::Postgres>::connect(url).await.unwrap();
    db.raw_sql(
        "DROP TABLE IF EXISTS bench_pool;
        CREATE TABLE bench_pool (
            id BIGINT PRIMARY KEY, title TEXT NOT NULL, body TEXT NOT NULL, score BIGINT NOT NULL, price DOUBLE PRECISION NOT NULL,
            kind INT NOT NULL, city TEXT, done BOOLEAN NOT NULL
        )",
    )
    .await
    .unwrap();
    let rows = (0..ROWS).map(|id| NewRow {
        id,
        title: format!("Row number {id}"),
        body: format!("{id} is followed by {}", id + 1),
        score: id * 7919 % 100_003,
        price: id as f64 / 7.0,
        kind: (id % 10) as i32,
        city: (id % 3 == 0).then(|| format!("City {}", id % 97)),
        done: id % 2 == 0,
    });
    Row::repo(&db).insert_many(rows).await.unwrap();
    db.close().await;
}

async fn ways(url: &str) -> Vec<Way> {
    let mut held = Vec::new();
    for _ in 0..CONNECTIONS {
        held.push(Arc::new(Mutex::new(PgConnection::connect(url).await.unwrap())));
    }
    let connections = CONNECTIONS as u32;
    let pool = PgPoolOptions::new().max_connections(connections).connect(url).await.unwrap();
    let db = Db::<kysera::Postgres>::builder().max_connections(connections).connect(url).await.unwrap();
    let found = |row: Option<Row>, id| assert_eq!(row.map(|row| row.id), Some(id));
    let mut ways = vec![
        way("held connections of sqlx", Driver::Sqlx, move |task, id| {
            // Nobody else wants it.
            let conn = held[task].clone();
            async move {
                let mut conn = conn.lock().await;
                found(sqlx::query_as(FIND).bind(id).fetch_optional(&mut *conn).await.unwrap(), id);
            }
        })
        .held(),
        way("kysera: Db", Driver::Sqlx, move |_, id| {
            let db = db.clone();
            async move { found(Row::repo(&db).find_by_id(id).await.unwrap(), id) }
        }),
        way("sqlx's pool, as it comes", Driver::Sqlx, move |_, id| {
            let pool: PgPool = pool.clone();
            async move { found(sqlx::query_as(FIND).bind(id).fetch_optional(&pool).await.unwrap(), id) }
        }),
    ];
    peers(url, &mut ways).await;
    // Pools settle.
    tokio::time::sleep(Duration::from_millis(50)).await;
    ways
}

#[cfg(not(feature = "peers"))]
async fn peers(_: &str, _: &mut [Way]) {}

#[cfg(feature = "peers")]
async fn peers(url: &str, ways: &mut Vec<Way>) {
    use deadpool_postgres::{Manager, ManagerConfig, RecyclingMethod};
    use tokio_postgres::NoTls;

    fn read(row: &tokio_postgres::Row) -> Row {
        Row {
            id: row.get(0),
            title: row.get(1),
            body: row.get(2),
            score: row.get(3),
            price: row.get(4),
            kind: row.get(5),
            city: row.get(6),
            done: row.get(7),
        }
    }

    let config: tokio_postgres::Config = url.parse().unwrap();
    let mut held = Vec::new();
    for _ in 0..CONNECTIONS {
        let (client, connection) = config.connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        let statement = client.prepare(FIND).await.unwrap();
        held.push(Arc::new((client, statement)));
    }
    let ask = move |task: usize, id: i64| {
        let held = held[task].clone();
        async move {
            let row = held.0.query_opt(&held.1, &[&id]).await.unwrap();
            assert_eq!(row.as_ref().map(read).map(|row| row.id), Some(id));
        }
    };
    ways.push(way("held connections of tokio-postgres", Driver::TokioPostgres, ask).held());

    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = Manager::from_config(config.clone(), NoTls, recycling);
    let deadpool = deadpool_postgres::Pool::builder(manager).max_size(CONNECTIONS).build().unwrap();
    ways.push(way("deadpool-postgres", Driver::TokioPostgres, move |_, id| {
        let pool = deadpool.clone();
        async move {
            let client = pool.get().await.unwrap();
            let statement = client.prepare_cached(FIND).await.unwrap();
            let row = client.query_opt(&statement, &[&id]).await.unwrap();
            assert_eq!(row.as_ref().map(read).map(|row| row.id), Some(id));
        }
    }));

    // It has no cache of statements: each connection has the one.
    let manager = bb8_postgres::PostgresConnectionManager::new(config, NoTls);
    let bb8 = bb8::Pool::builder()
        .max_size(CONNECTIONS as u32)
        .test_on_check_out(false)
        .build(WithStatement(manager))
        .await
        .unwrap();
    struct WithStatement(bb8_postgres::PostgresConnectionManager<NoTls>);
    impl bb8::ManageConnection for WithStatement {
        type Connection = (tokio_postgres::Client, tokio_postgres::Statement);
        type Error = tokio_postgres::Error;

        async fn connect(&self) -> Result<Self::Connection, Self::Error> {
            let client = self.0.connect().await?;
            let statement = client.prepare(FIND).await?;
            Ok((client, statement))
        }

        async fn is_valid(&self, conn: &mut Self::Connection) -> Result<(), Self::Error> {
            self.0.is_valid(&mut conn.0).await
        }

        fn has_broken(&self, conn: &mut Self::Connection) -> bool {
            self.0.has_broken(&mut conn.0)
        }
    }
    ways.push(way("bb8 and tokio-postgres", Driver::TokioPostgres, move |_, id| {
        let pool = bb8.clone();
        async move {
            let conn = pool.get().await.unwrap();
            let row = conn.0.query_opt(&conn.1, &[&id]).await.unwrap();
            assert_eq!(row.as_ref().map(read).map(|row| row.id), Some(id));
        }
    }));
}
