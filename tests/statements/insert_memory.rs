//! The memory of `insert_many` is that of a batch, however many rows an iterator has.

use kysera::Repository;
use kysera::entity::On;
use kysera_tests::peak::Peak;
use kysera_tests::{Ddl, Fixture, TestBackend};
use tokio::sync::Mutex;

#[global_allocator]
static ALLOC: Peak = Peak::new();

/// The gauge is on the whole process.
static ALONE: Mutex<()> = Mutex::const_new(());

#[derive(Debug, Clone, Repository)]
#[kysera(table = "readings")]
pub struct Reading {
    #[kysera(id)]
    pub id: i64,
    pub sensor: String,
    pub value: i64,
}

const READINGS: Ddl = Ddl {
    postgres: "CREATE TABLE readings (
        id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, sensor TEXT NOT NULL, value BIGINT NOT NULL)",
    mysql: "CREATE TABLE readings (
        id BIGINT AUTO_INCREMENT PRIMARY KEY, sensor VARCHAR(100) NOT NULL, value BIGINT NOT NULL)",
    sqlite: "CREATE TABLE readings (id INTEGER PRIMARY KEY, sensor TEXT NOT NULL, value INTEGER NOT NULL)",
};

fn rows(n: i64) -> impl Iterator<Item = NewReading> + Send {
    (0..n).map(|value| NewReading { sensor: format!("sensor number {value}"), value })
}

async fn memory_does_not_grow_with_the_rows<DB: TestBackend>(many: i64)
where
    Reading: On<DB>,
{
    let _alone = ALONE.lock().await;
    // SQLite in a file: its own memory is not counted, but it is bounded as well.
    let db = Fixture::<DB>::concurrent(&READINGS, 1).await;
    let readings = Reading::repo(db.source());
    // A few batches, for the buffers of the connection and the caches.
    let few = 20_000;
    let (stored, bytes_of_few) = ALLOC.watch(readings.insert_many(rows(few))).await;
    assert_eq!(stored.unwrap(), few as u64);
    let (stored, bytes_of_many) = ALLOC.watch(readings.insert_many(rows(many))).await;
    assert_eq!(stored.unwrap(), many as u64);
    assert_eq!(readings.count().await.unwrap(), (few + many) as u64);
    assert_eq!(readings.find().filter(Reading::VALUE.eq(many - 1)).count().await.unwrap(), 1);

    assert!(bytes_of_few > 10_000, "{bytes_of_few} bytes: nothing was measured");
    assert!(
        bytes_of_many < 2 * bytes_of_few + (1 << 20) && bytes_of_many < 4 << 20,
        "{bytes_of_few} bytes for {few} rows, {bytes_of_many} for {many}"
    );
}

#[tokio::test]
async fn a_million_rows_on_sqlite() {
    memory_does_not_grow_with_the_rows::<sqlx::Sqlite>(1_000_000).await;
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn a_hundred_thousand_rows_on_postgres() {
    memory_does_not_grow_with_the_rows::<sqlx::Postgres>(100_000).await;
}

#[cfg(feature = "mysql")]
#[tokio::test]
async fn a_hundred_thousand_rows_on_mysql() {
    memory_does_not_grow_with_the_rows::<sqlx::MySql>(100_000).await;
}
