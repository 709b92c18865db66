//! What observers cost: a row by its key, of a database in memory.

use std::sync::Arc;

use kysera::observe::{Profiler, Traced};
use kysera::prelude::*;

use crate::report::{contender, measure};

#[derive(Debug, Repository)]
#[kysera(table = "bench_watched")]
struct Watched {
    #[kysera(id, assigned)]
    id: i64,
    n: i64,
}

async fn find(db: &'static Db<Sqlite>) -> usize {
    let row = Watched::repo(db).find_by_id(7).await.unwrap();
    row.map_or(0, |row| usize::from(row.id == 7 && row.n == 1))
}

pub(crate) async fn run(only: &str) {
    let db = Db::<Sqlite>::connect("sqlite::memory:").await.unwrap();
    db.raw_sql("CREATE TABLE bench_watched (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)").await.unwrap();
    Watched::repo(&db).insert_many((1..=100).map(|id| NewWatched { id, n: 1 })).await.unwrap();
    let leak = |db: Db<Sqlite>| -> &'static Db<Sqlite> { Box::leak(Box::new(db)) };
    // Without a subscriber of `tracing` no span is wanted.
    let traced = leak(db.clone().observed_by(Arc::new(Traced::new())));
    let profiled = leak(db.clone().observed_by(Arc::new(Profiler::new())));
    let db = leak(db);
    let ways = vec![
        contender("no observer", move || find(db)),
        contender("Traced, switched off", move || find(traced)),
        contender("Profiler", move || find(profiled)),
    ];
    measure("SQLite", "observe: a row by its key", only, (400, 50), ways).await;
}
