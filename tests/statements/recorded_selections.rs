//! Which statements selections, projections and groups send. Recording is global to a process, hence a binary of its
//! own.

use kysera::backend::Dialect;
use kysera::expr::count;
use kysera::prelude::*;
use kysera_tests::recorder::record;
use kysera_tests::{Ddl, Fixture, TestBackend};

const USERS: Ddl = Ddl {
    postgres: "CREATE TABLE users (id BIGINT PRIMARY KEY, name TEXT NOT NULL, bio TEXT, age INT NOT NULL)",
    mysql: "CREATE TABLE users (id BIGINT PRIMARY KEY, name VARCHAR(50) NOT NULL, bio TEXT, age INT NOT NULL)",
    sqlite: "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, bio TEXT, age INTEGER NOT NULL)",
};

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "users")]
struct User {
    #[kysera(id, assigned)]
    id: i64,
    name: String,
    bio: Option<String>,
    age: i32,
}

#[derive(Debug, PartialEq, Projection)]
#[kysera(of = User)]
struct Card {
    name: String,
    #[kysera(expr = User::BIO.coalesce("-"))]
    bio: String,
}

/// Asserts the only statement: PostgreSQL's, MySQL's and SQLite's with their own quotes, SQLite's without the numbers of its arguments.
#[track_caller]
fn sent<DB: TestBackend>(found: &[String], postgres: &str, mysql: &str, sqlite: &str) {
    let wanted = match DB::DIALECT {
        Dialect::Postgres => postgres.to_owned(),
        Dialect::MySql => mysql.replace('"', "`"),
        _ => sqlite.replace('"', "`"),
    };
    assert_eq!(found, [wanted], "{}", DB::NAME);
}

async fn selections<DB: TestBackend>()
where
    User: kysera::entity::On<DB>,
    Card: Projection<User, DB>,
    String: kysera::backend::Scalar<DB>,
    Option<i32>: kysera::backend::Scalar<DB>,
    Option<f64>: kysera::backend::Scalar<DB>,
    i64: kysera::backend::Scalar<DB>,
    i32: kysera::backend::Scalar<DB>,
{
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    users.create(NewUser { id: 1, name: "Ada".into(), bio: None, age: 36 }).await.unwrap();

    let find = users.find().filter(User::AGE.gt(3)).select(User::NAME).order_by(User::NAME.length().desc());
    let (found, texts) = record(find.limit(2).all()).await;
    assert_eq!(found.unwrap(), ["Ada"]);
    let text = |length: &str, a: &str, b: &str| {
        format!(
            r#"SELECT "users"."name" FROM "users" WHERE "users"."age" > {a} ORDER BY {length} DESC LIMIT {b}"#
        )
    };
    sent::<DB>(
        &texts,
        &text(r#"CAST(CHAR_LENGTH("users"."name") AS BIGINT)"#, "$1", "$2"),
        &text(r#"CHAR_LENGTH("users"."name")"#, "?", "?"),
        &text(r#"LENGTH("users"."name")"#, "?", "?"),
    );

    let (found, texts) = record(users.find().select_as::<Card>().all()).await;
    assert_eq!(found.unwrap(), [Card { name: "Ada".into(), bio: "-".into() }]);
    let text = r#"SELECT "users"."name", COALESCE("users"."bio", ?) FROM "users""#;
    sent::<DB>(&texts, &text.replace('?', "$1"), text, text);

    let (found, texts) = record(users.find().select((count(), User::AGE.max(), User::AGE.avg())).one()).await;
    assert_eq!(found.unwrap(), (1, Some(36), Some(36.0)));
    let text = |avg: &str, limit: &str| {
        format!(r#"SELECT COUNT(*), MAX("users"."age"), {avg} FROM "users" LIMIT {limit}"#)
    };
    let avg = r#"AVG("users"."age")"#;
    sent::<DB>(
        &texts,
        &text(&format!("CAST({avg} AS DOUBLE PRECISION)"), "$1"),
        &text(r#"AVG("users"."age" + 0e0)"#, "?"),
        &text(avg, "?"),
    );
}

async fn groups<DB: TestBackend>()
where
    User: kysera::entity::On<DB>,
    String: kysera::backend::Scalar<DB>,
    i64: kysera::backend::Scalar<DB>,
    i32: kysera::backend::Scalar<DB>,
{
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());

    let by_age = || users.find().select((User::AGE, count())).group_by(User::AGE).having(count().gt(1));
    let (_, texts) = record(by_age().order_by(count().desc()).all()).await;
    let text = r#"SELECT "users"."age", COUNT(*) FROM "users" GROUP BY "users"."age" HAVING COUNT(*) > ? ORDER BY COUNT(*) DESC"#;
    sent::<DB>(&texts, &text.replace('?', "$1"), text, text);

    let (_, texts) = record(by_age().count()).await;
    let text = r#"SELECT COUNT(*) FROM (SELECT "users"."age" AS "x0", COUNT(*) AS "x1" FROM "users" GROUP BY "users"."age" HAVING COUNT(*) > ?) AS "kysera_counted""#;
    sent::<DB>(&texts, &text.replace('?', "$1"), text, text);

    let (_, texts) = record(by_age().exists()).await;
    let text = r#"SELECT 1 FROM "users" GROUP BY "users"."age" HAVING COUNT(*) > ? LIMIT ?"#;
    sent::<DB>(&texts, &text.replacen('?', "$1", 1).replace('?', "$2"), text, text);

    // Two placeholders are two expressions for PostgreSQL, and MySQL does not look for expressions in HAVING.
    let bio = || User::BIO.coalesce("-");
    let by_bio =
        users.find().select((bio(), count())).group_by(bio()).having(bio().ne("x")).order_by(bio().asc());
    let (_, texts) = record(by_bio.all()).await;
    let text = |bio: &str, having: &str, x: &str| {
        format!(r#"SELECT {bio}, COUNT(*) FROM "users" GROUP BY 1 HAVING {having} <> {x} ORDER BY 1 ASC"#)
    };
    let (postgres, other) = (r#"COALESCE("users"."bio", $1)"#, r#"COALESCE("users"."bio", ?)"#);
    sent::<DB>(
        &texts,
        &text(postgres, postgres, "$2"),
        &text(other, &format!("MIN({other})"), "?"),
        &text(other, other, "?"),
    );

    // The other columns depend on the key, which MariaDB does not see.
    let by_key = users.find().select((User::NAME, count())).group_by(User::ID).having(User::AGE.gt(3));
    let (_, texts) = record(by_key.all()).await;
    let text = |more: &str| {
        format!(
            r#"SELECT "users"."name", COUNT(*) FROM "users" GROUP BY "users"."id"{more} HAVING "users"."age" > ?"#
        )
    };
    let more = r#", "users"."name", "users"."age""#;
    sent::<DB>(&texts, &text("").replace('?', "$1"), &text(more), &text(""));

    let (_, texts) = record(users.find().select(User::AGE).distinct().count()).await;
    let text =
        r#"SELECT COUNT(*) FROM (SELECT DISTINCT "users"."age" AS "x0" FROM "users") AS "kysera_counted""#;
    sent::<DB>(&texts, text, text, text);
}

/// What is wrong with a query is said before anything is sent.
async fn refused<DB: TestBackend>()
where
    User: kysera::entity::On<DB>,
    i64: kysera::backend::Scalar<DB>,
    i32: kysera::backend::Scalar<DB>,
{
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    let mixed = users.find().select((User::AGE, count()));
    let (found, texts) =
        record(async { (mixed.clone().all().await.is_err(), mixed.count().await.is_err()) }).await;
    assert_eq!((found, texts), ((true, true), vec![]));
    let (found, texts) = record(users.find().filter(count().gt(1)).exists()).await;
    assert_eq!((found.is_err(), texts), (true, vec![]));
}

macro_rules! on {
    ($backend:ident: $DB:ty) => {
        mod $backend {
            #[tokio::test]
            async fn selections_name_their_columns() {
                super::selections::<$DB>().await;
            }

            #[tokio::test]
            async fn groups_repeat_what_is_the_same() {
                super::groups::<$DB>().await;
            }

            #[tokio::test]
            async fn what_is_refused_is_not_sent() {
                super::refused::<$DB>().await;
            }
        }
    };
}
on!(sqlite: sqlx::Sqlite);
#[cfg(feature = "postgres")]
on!(postgres: sqlx::Postgres);
#[cfg(feature = "mysql")]
on!(mysql: sqlx::MySql);
