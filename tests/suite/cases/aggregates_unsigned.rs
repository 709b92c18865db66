//! Sums and averages of unsigned integers, which PostgreSQL does not have.

use kysera::expr::count;
use kysera::prelude::*;
use kysera_tests::{Ddl, Fixture};

use crate::DB;

#[derive(Debug, Repository)]
#[kysera(table = "counters")]
struct Counter {
    #[kysera(id, assigned)]
    id: i64,
    tiny: u8,
    small: u16,
    n: u32,
    opt_n: Option<u32>,
}

const COUNTERS: Ddl = Ddl {
    mysql: "CREATE TABLE counters (id BIGINT PRIMARY KEY, tiny TINYINT UNSIGNED NOT NULL,
        small SMALLINT UNSIGNED NOT NULL, n INT UNSIGNED NOT NULL, opt_n INT UNSIGNED)",
    sqlite: "CREATE TABLE counters (id INTEGER PRIMARY KEY, tiny INTEGER NOT NULL, small INTEGER NOT NULL,
        n INTEGER NOT NULL, opt_n INTEGER)",
    ..Ddl::NONE
};

#[tokio::test]
async fn unsigned_integers() {
    let db = Fixture::<DB>::new(&COUNTERS).await;
    db.execute(
        "INSERT INTO counters VALUES (1, 255, 65535, 4294967295, NULL), (2, 255, 65535, 4294967295, 5)",
    )
    .await;
    let repo = Counter::repo(db.source());
    let items = (
        Counter::TINY.sum(),
        Counter::SMALL.sum(),
        Counter::N.sum(),
        Counter::N.avg(),
        Counter::N.max(),
        Counter::OPT_N.min(),
        Counter::OPT_N.sum(),
        Counter::TINY.max(),
    );
    let found = repo.find().select(items).one().await.unwrap();
    let n = i64::from(u32::MAX);
    assert_eq!(
        found,
        (Some(510), Some(131_070), Some(2 * n), Some(n as f64), Some(u32::MAX), Some(5), Some(5), Some(255))
    );
    let items = (
        Counter::TINY.minus(5),
        Counter::OPT_N.coalesce(7),
        Counter::N.cast::<i64>().plus(1),
        Counter::N.abs(),
    );
    let found = repo.find().order_by(Counter::ID.asc()).select(items).first().await.unwrap();
    assert_eq!(found, Some((250, 7, n + 1, u32::MAX)));
    let grouped =
        repo.find().select((Counter::N, count())).group_by(Counter::N).having(Counter::N.sum().gt(n));
    assert_eq!(grouped.one().await.unwrap(), (u32::MAX, 2));
}
