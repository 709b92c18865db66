//! A database for each test.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use futures_util::FutureExt;
use kysera::backend::{Backend, Dialect};
use kysera::migrate::{Migration, MigrationState, MigrationTx, Migrator};
use kysera::prelude::*;
use kysera::testing::{Migrations, Spec, run};
use sqlx::AssertSqlSafe;

use super::{Author, NewAuthor, author, names, panics, tables};
use crate::{DB, RICH, URL};

/// Each of these finds what the template has, and nothing of what the others write at the same time.
macro_rules! tests {
    ($($name:ident)*) => {$(
        #[kysera::test(setup = tables, fixtures("testing/fixtures/nothing.sql"), migrations = off, url = URL)]
        async fn $name(db: Db<DB>) {
            assert!(names(&db).await.is_empty());
            author(&db, "Ada").await;
            author(&db, "Grace").await;
            assert_eq!(names(&db).await, ["Ada", "Grace"]);
        }
    )*};
}

tests!(one two three four five six seven eight);

#[kysera::test(setup = tables, url = URL)]
async fn may_answer_with_a_result(db: Db<DB>) -> kysera::Result<()> {
    Author::repo(&db).create(NewAuthor { name: "Ada".into() }).await.map(drop)
}

#[kysera::test(setup = tables, url = URL)]
#[should_panic = "as it should"]
async fn may_panic(db: Db<DB>) {
    author(&db, "Ada").await;
    panic!("as it should");
}

async fn migrator() -> kysera::Result<Migrator<DB>> {
    Migrator::new().with(Tables)
}

struct Tables;

impl Migration<DB> for Tables {
    fn version(&self) -> i64 {
        1
    }

    fn description(&self) -> &str {
        "tables"
    }

    async fn up(&self, tx: &MigrationTx<'_, DB>) -> kysera::Result<()> {
        tx.raw_sql("CREATE TABLE authors (id BIGINT PRIMARY KEY, name VARCHAR(50) NOT NULL)").await
    }
}

#[kysera::test(migrator = migrator, fixtures("testing/fixtures/authors.sql"), url = URL)]
async fn migrations_in_rust(db: Db<DB>) {
    assert_eq!(names(&db).await, ["Ada", "Grace"]);
    assert_eq!(migrator().await.unwrap().status(&db).await.unwrap().versions(MigrationState::Applied), [1]);
}

fn unique() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    format!("{}_{nanos}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Of a template that nobody else has.
fn spec(sql: &str) -> Spec<DB> {
    let sql = format!("CREATE TABLE unique_{} (n INTEGER);\n{sql}", unique());
    Spec {
        path: "here",
        migrations: Migrations::None,
        fixtures: Box::leak(Box::new([("unique.sql", &*sql.leak())])),
        setup: None,
        url: URL,
        threads: 1,
        connections: 2,
        file: true,
    }
}

fn copy_of(spec: &Spec<DB>) -> Spec<DB> {
    Spec { migrations: Migrations::None, ..*spec }
}

/// Where a database is.
async fn place(db: &Db<DB>) -> String {
    let conn = db.acquire().await.unwrap();
    let mut conn = conn.connection().await.unwrap();
    let sql = match DB::DIALECT {
        Dialect::Postgres => "SELECT current_database()::text",
        Dialect::MySql => "SELECT DATABASE()",
        _ => "SELECT file FROM pragma_database_list",
    };
    sqlx::query_scalar(sql).fetch_one(&mut *conn).await.unwrap()
}

/// Whether there is such a database.
async fn is_there(name: &str) -> bool {
    if DB::DIALECT == Dialect::Sqlite {
        return std::path::Path::new(name).exists();
    }
    let db = Db::<DB>::connect(&std::env::var(URL).unwrap()).await.unwrap();
    let conn = db.acquire().await.unwrap();
    let mut conn = conn.connection().await.unwrap();
    let sql = match DB::DIALECT {
        Dialect::Postgres => "SELECT count(*) FROM pg_database WHERE datname = ",
        _ => "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = ",
    };
    let sql = AssertSqlSafe(format!("{sql} '{name}'"));
    sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut *conn).await.unwrap() == 1
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

#[test]
fn it_is_removed_whatever_happens() {
    let mut places = vec![run(spec(""), async |db| place(&db).await)];
    let name = std::sync::Mutex::new(String::new());
    let text = panics(|| {
        run(spec(""), async |db| {
            *name.lock().unwrap() = place(&db).await;
            // Left open, in a task of the test's own, which holds a connection until the end.
            let tx = db.begin().await.unwrap();
            tokio::spawn(async move {
                std::future::pending::<()>().await;
                drop(tx);
            });
            panic!("in its middle");
        })
    });
    assert_eq!(text, "in its middle");
    places.push(name.into_inner().unwrap());
    for place in places {
        assert!(place.contains("kysera_test_"), "{place}");
        assert!(!block_on(is_there(&place)), "{place}");
    }
}

/// However many ask for it at once.
#[test]
fn a_template_is_made_once() {
    static MADE: AtomicU32 = AtomicU32::new(0);
    fn setup(db: Db<DB>) -> futures_util::future::BoxFuture<'static, kysera::Result<()>> {
        async move {
            MADE.fetch_add(1, Ordering::Relaxed);
            tables(db).await
        }
        .boxed()
    }
    let spec = Spec { setup: Some(setup), ..spec("") };
    // On SQLite two may be at it at once, and the second one's is put in place of the first's.
    run(copy_of(&spec), async |db| drop(author(&db, "Ada").await));
    thread::scope(|scope| {
        for _ in 0..6 {
            let spec = copy_of(&spec);
            scope.spawn(move || run(spec, async |db| assert!(names(&db).await.is_empty())));
        }
    });
    assert_eq!(MADE.load(Ordering::Relaxed), 1);
}

#[test]
fn first_ones_at_once() {
    if DB::DIALECT == Dialect::Sqlite {
        return first_ones_of_files();
    }
    static MADE: AtomicU32 = AtomicU32::new(0);
    fn setup(_: Db<DB>) -> futures_util::future::BoxFuture<'static, kysera::Result<()>> {
        MADE.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Ok(())).boxed()
    }
    let spec = Spec { setup: Some(setup), ..spec("") };
    thread::scope(|scope| {
        for _ in 0..6 {
            let spec = copy_of(&spec);
            scope.spawn(move || run(spec, async |db| drop(place(&db).await)));
        }
    });
    assert_eq!(MADE.load(Ordering::Relaxed), 1);
}

/// Whoever makes it: everybody finds all of it.
fn first_ones_of_files() {
    let spec = spec("CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT NOT NULL)");
    thread::scope(|scope| {
        for _ in 0..6 {
            let spec = copy_of(&spec);
            scope.spawn(move || run(spec, async |db| drop(author(&db, "Ada").await)));
        }
    });
}

#[test]
fn everything_is_copied() {
    run(spec(RICH), async |db| {
        let value = async |sql: &'static str| {
            let conn = db.acquire().await.unwrap();
            let mut conn = conn.connection().await.unwrap();
            sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut *conn).await.unwrap()
        };
        assert_eq!(value("SELECT COUNT(*) FROM parents").await, 2);
        assert_eq!(value("SELECT double_size FROM parents WHERE name = 'bob'").await, 8);
        assert_eq!(value("SELECT COUNT(*) FROM a_names").await, 1);
        db.raw_sql("UPDATE parents SET name = 'alf' WHERE name = 'ada'").await.unwrap();
        assert_eq!(value("SELECT size FROM parents WHERE name = 'alf'").await, 4);
        // Numbers go on, and what is forbidden stays so.
        db.raw_sql("INSERT INTO parents (name) VALUES ('cleo')").await.unwrap();
        assert_eq!(value("SELECT id FROM parents WHERE name = 'cleo'").await, 3);
        for wrong in [
            "INSERT INTO parents (name) VALUES ('cleo')",
            "INSERT INTO parents (name, size) VALUES ('dora', 0)",
            "INSERT INTO children VALUES (2, 99)",
            "DELETE FROM parents WHERE id = 1",
        ] {
            db.raw_sql(AssertSqlSafe(wrong)).await.expect_err(wrong);
        }
    });
}

#[test]
fn what_cannot_be_made_says_why() {
    let spec = spec("CREATE TABLE broken (id");
    let text = panics(|| run(copy_of(&spec), async |_| ()));
    assert!(text.starts_with("the database of the test `here` cannot be made: "), "{text}");
    // And again: nothing of it is left that somebody might take for a template.
    assert_eq!(panics(|| run(copy_of(&spec), async |_| ())), text);
    if DB::DIALECT != Dialect::Sqlite {
        let text = panics(|| run(Spec { url: "KYSERA_NO_SUCH_VARIABLE", ..spec }, async |_| ()));
        assert!(text.contains("KYSERA_NO_SUCH_VARIABLE, which is not set"), "{text}");
    }
}

/// Of processes that were killed.
#[test]
fn what_is_left_over_is_removed() {
    if DB::DIALECT == Dialect::Sqlite {
        return;
    }
    let old = format!("kysera_test_1_{}", std::process::id());
    let young = format!("kysera_test_99999999999_{}", std::process::id());
    block_on(async {
        let db = Db::<DB>::connect(&std::env::var(URL).unwrap()).await.unwrap();
        for name in [&old, &young] {
            let conn = db.acquire().await.unwrap();
            let mut conn = conn.detach().await.unwrap();
            DB::raw(
                &mut conn,
                sqlx::SqlSafeStr::into_sql_str(AssertSqlSafe(format!("CREATE DATABASE {name}"))),
            )
            .await
            .unwrap();
        }
    });
    run(spec(""), async |_| ());
    assert!(!block_on(is_there(&old)));
    assert!(block_on(is_there(&young)));
    block_on(async {
        let db = Db::<DB>::connect(&std::env::var(URL).unwrap()).await.unwrap();
        let mut conn = db.acquire().await.unwrap().detach().await.unwrap();
        let sql = AssertSqlSafe(format!("DROP DATABASE {young}"));
        DB::raw(&mut conn, sqlx::SqlSafeStr::into_sql_str(sql)).await.unwrap();
    });
}
