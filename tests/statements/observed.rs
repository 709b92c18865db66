//! What observers cost. The allocator is global to a process, hence a binary of its own.

use std::sync::Arc;

use kysera::observe::{Event, Observer, Token};
use kysera::prelude::*;
use kysera_tests::alloc::Watcher;
use kysera_tests::{Ddl, Fixture, TestBackend};
use tokio::sync::Mutex;

#[global_allocator]
static ALLOC: Watcher = Watcher::new();

/// The watch is the whole process's.
static ALONE: Mutex<()> = Mutex::const_new(());

const USERS: Ddl = Ddl {
    postgres: "CREATE TABLE users (id BIGINT PRIMARY KEY); INSERT INTO users VALUES (1)",
    mysql: "CREATE TABLE users (id BIGINT PRIMARY KEY); INSERT INTO users VALUES (1)",
    sqlite: "CREATE TABLE users (id INTEGER PRIMARY KEY); INSERT INTO users VALUES (1)",
};

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "users")]
struct User {
    #[kysera(id, assigned)]
    id: i64,
}

struct Nothing;

impl Observer for Nothing {
    fn ended(&self, _: &Event<'_>, _: Option<Token>) {}
}

/// The fewest allocations of a `find_by_id`: the test runner and the driver have some of their own now and then.
async fn fewest<DB: TestBackend>(source: &Db<DB>, enough: usize) -> usize
where
    User: kysera::entity::On<DB>,
{
    let users = User::repo(source);
    let mut fewest = usize::MAX;
    // Who has to wait for the thread of SQLite allocates for that, and sometimes nobody has to.
    for _ in 0..200_000 {
        let (row, seen) = ALLOC.watch("kysera", users.find_by_id(1)).await;
        assert!(row.unwrap().is_some());
        fewest = fewest.min(seen.allocations);
        if fewest <= enough {
            break;
        }
    }
    fewest
}

/// As many as there were before there were observers (sqlx has its share in them), and no more with one that keeps nothing.
async fn cost<DB: TestBackend>(before: usize)
where
    User: kysera::entity::On<DB>,
{
    let _alone = ALONE.lock().await;
    let db = Fixture::<DB>::new(&USERS).await;
    assert_eq!(fewest(db.source(), before).await, before);
    let observed = db.source().clone().observed_by(Arc::new(Nothing));
    assert_eq!(fewest(&observed, before).await, before);
}

macro_rules! on {
    ($backend:ident: $DB:ty, $before:literal) => {
        #[tokio::test]
        async fn $backend() {
            super::cost::<$DB>($before).await;
        }
    };
}

mod nobody_pays_who_is_not_observed {
    on!(sqlite: sqlx::Sqlite, 7);
    #[cfg(feature = "postgres")]
    on!(postgres: sqlx::Postgres, 10);
    #[cfg(feature = "mysql")]
    on!(mysql: sqlx::MySql, 24);
}
