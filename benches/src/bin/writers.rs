//! Eight tasks that write to one file of SQLite: how long each of them waits.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kysera::prelude::*;
use sqlx::Sqlite;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

const TASKS: usize = 8;
const WRITES: usize = 250;
const ROUNDS: usize = 15;

#[derive(Debug, Repository)]
#[kysera(table = "notes")]
struct Note {
    #[kysera(id)]
    id: i64,
    text: String,
}

/// What one round of a way has cost.
#[derive(Debug, Clone, Copy)]
struct Round {
    /// A write on average: throughput.
    mean: Duration,
    /// The slowest of 999 in 1000, and of all.
    late: Duration,
    worst: Duration,
}

async fn measure<F>(write: impl Fn() -> F) -> Round
where
    F: Future<Output = ()> + Send + 'static,
{
    let start = Instant::now();
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let writes: Vec<_> = (0..WRITES).map(|_| write()).collect();
            tokio::spawn(async move {
                let mut waits = Vec::with_capacity(WRITES);
                for write in writes {
                    let start = Instant::now();
                    write.await;
                    waits.push(start.elapsed());
                }
                waits
            })
        })
        .collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await.expect("a writer"));
    }
    let mean = start.elapsed() / (TASKS * WRITES) as u32;
    waits.sort_unstable();
    Round { mean, late: waits[waits.len() * 999 / 1000], worst: waits[waits.len() - 1] }
}

fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(Duration::from_secs(5))
}

struct File(PathBuf);

impl Drop for File {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{suffix}", self.0.display()));
        }
    }
}

fn median<T: Ord + Copy>(values: impl Iterator<Item = T>) -> T {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values[values.len() / 2]
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = File(std::env::temp_dir().join(format!("kysera_writers_{}.db", std::process::id())));
    let pool = |connections| {
        SqlitePoolOptions::new().max_connections(connections).connect_lazy_with(options(&file.0))
    };
    let (eight, one) = (pool(8), pool(1));
    let db = Db::<Sqlite>::new(pool(8));
    db.raw_sql("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)").await?;

    const INSERT: &str = "INSERT INTO notes (text) VALUES (?)";
    let by = |pool: &sqlx::Pool<Sqlite>| {
        let pool = pool.clone();
        async move {
            sqlx::query(INSERT).bind("text").execute(&pool).await.expect("a row");
        }
    };
    let mut rounds: [Vec<Round>; 3] = Default::default();
    for _ in 0..ROUNDS {
        rounds[0].push(measure(|| by(&eight)).await);
        rounds[1].push(measure(|| by(&one)).await);
        rounds[2].push(
            measure(|| {
                let db = db.clone();
                async move {
                    let new = NewNote { text: "text".into() };
                    Note::repo(&db).create(new).await.expect("a row");
                }
            })
            .await,
        );
    }
    println!("{TASKS} tasks, {WRITES} inserts each; medians of {ROUNDS} rounds");
    println!("{:<24}{:>12}{:>16}{:>12}", "", "an insert", "999 of 1000", "the worst");
    for (name, rounds) in
        ["sqlx, 8 connections", "sqlx, 1 connection", "Db, 8 connections"].iter().zip(&rounds)
    {
        println!(
            "{name:<24}{:>12.0?}{:>16.0?}{:>12.0?}",
            median(rounds.iter().map(|round| round.mean)),
            median(rounds.iter().map(|round| round.late)),
            median(rounds.iter().map(|round| round.worst)),
        );
    }
    Ok(())
}
