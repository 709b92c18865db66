//! Columns and expressions instead of rows.

use futures_util::TryStreamExt;
use kysera::expr::{NotNull, Text, count};
use kysera::prelude::*;
use kysera::query::Find;
use kysera::{Error, ErrorCode};
use kysera_tests::{Ddl, Fixture, TestSource};
use sqlx::types::chrono::{DateTime, NaiveDate, Utc};

use super::entities::*;
use crate::DB;

async fn people() -> Fixture<DB> {
    let db = Fixture::<DB>::new(&USERS).await;
    let rows = [
        NewUser { bio: Some("Countess".into()), role: Some(1), ..user("ada@x", "Ada") },
        NewUser { role: Some(2), ..user("bob@x", " Bob ") },
        NewUser { bio: Some(String::new()), role: Some(1), ..user("cy@x", "Cy") },
        NewUser { bio: Some("Countess".into()), role: Some(-3), ..user("dé@x", "Dé") },
    ];
    User::repo(db.source()).create_many(rows).await.unwrap();
    db
}

#[tokio::test]
async fn one_column_and_tuples_of_them() {
    let db = people().await;
    let repo = User::repo(db.source());
    let find = || repo.find().order_by(User::ID.asc());
    let names: Vec<String> = find().select(User::NAME).all().await.unwrap();
    assert_eq!(names, ["Ada", " Bob ", "Cy", "Dé"]);
    let bios: Vec<Option<String>> = find().select(User::BIO).all().await.unwrap();
    assert_eq!(bios, [Some("Countess".into()), None, Some(String::new()), Some("Countess".into())]);
    let one: Vec<(i32,)> = find().select((User::ROLE,)).limit(2).offset(1).all().await.unwrap();
    assert_eq!(one, [(2,), (1,)]);
    // Another order than the table's, and one of them twice.
    let four = find().select((User::ROLE, User::NAME, User::ROLE, User::ID)).first().await.unwrap().unwrap();
    assert_eq!(four, (1, "Ada".to_owned(), 1, 1));
    let eight =
        (User::ID, User::EMAIL, User::NAME, User::BIO, User::ROLE, User::VISITS, User::ID, User::NAME);
    let row = find().select(eight).filter(User::ID.eq(2)).one().await.unwrap();
    let text = |text: &str| text.to_owned();
    assert_eq!(row, (2, text("bob@x"), text(" Bob "), None, 2, 0, 2, text(" Bob ")));
}

#[tokio::test]
async fn all_ways_to_end_it() {
    let db = people().await;
    let users = User::repo(db.source());
    let find = || users.find().select((User::NAME, User::ROLE)).order_by(User::NAME.length().desc());
    let streamed: Vec<(String, i32)> = find().stream().try_collect().await.unwrap();
    assert_eq!(streamed.len(), 4);
    assert_eq!(streamed[0], (" Bob ".into(), 2));
    assert_eq!(find().first().await.unwrap(), Some((" Bob ".into(), 2)));
    assert_eq!(find().count().await.unwrap(), 4);
    assert!(find().exists().await.unwrap());
    let none = find().filter(User::ROLE.gt(9));
    assert_eq!(none.clone().count().await.unwrap(), 0);
    assert!(!none.clone().exists().await.unwrap());
    assert_eq!(none.clone().first().await.unwrap(), None);
    assert_eq!(none.one().await.unwrap_err().code(), ErrorCode::NotFound);
    assert!(matches!(find().one().await, Err(Error::MoreThanOne { entity: "User" })));
    // A selection takes the place of another.
    assert_eq!(find().select(User::ID).filter(User::EMAIL.eq("cy@x")).all().await.unwrap(), [3]);
}

#[tokio::test]
async fn expressions() {
    let db = people().await;
    let repo = User::repo(db.source());
    let find = || repo.find().order_by(User::ID.asc());
    let texts =
        find().select((User::NAME.lower(), User::NAME.upper(), User::NAME.trim(), User::NAME.length()));
    let texts = texts.limit(2).all().await.unwrap();
    let text = |text: &str| text.to_owned();
    let wanted = [(text("ada"), text("ADA"), text("Ada"), 3), (text(" bob "), text(" BOB "), text("Bob"), 5)];
    assert_eq!(texts, wanted);
    // Characters, not bytes; NULL stays NULL.
    assert_eq!(find().select(User::NAME.length()).filter(User::ID.eq(4)).one().await.unwrap(), 2);
    let lengths: Vec<Option<i64>> = find().select(User::BIO.length()).all().await.unwrap();
    assert_eq!(lengths, [Some(8), None, Some(0), Some(8)]);
    let lower: Vec<Option<String>> = find().select(User::BIO.trim().lower()).limit(2).all().await.unwrap();
    assert_eq!(lower, [Some(text("countess")), None]);
    let bios: Vec<String> = find().select(User::BIO.coalesce("none")).all().await.unwrap();
    assert_eq!(bios, ["Countess", "none", "", "Countess"]);
    let bios: Vec<String> = find().select(User::BIO.coalesce(User::NAME)).limit(2).all().await.unwrap();
    assert_eq!(bios, ["Countess", " Bob "]);

    let numbers = (User::ROLE.plus(10), User::ROLE.minus(1), User::ROLE.times(-2), User::ROLE.abs());
    let numbers = find().select(numbers).all().await.unwrap();
    assert_eq!(numbers, [(11, 0, -2, 1), (12, 1, -4, 2), (11, 0, -2, 1), (7, -4, 6, 3)]);
    let of_columns: Vec<i64> =
        find().select(User::VISITS.plus(User::ID).times(User::ID)).all().await.unwrap();
    assert_eq!(of_columns, [1, 4, 9, 16]);

    let casts = (User::ROLE.cast::<i64>(), User::ROLE.cast::<f64>(), User::ROLE.cast::<String>());
    assert_eq!(find().select(casts).first().await.unwrap(), Some((1, 1.0, text("1"))));
    let cast: Option<i64> =
        find().select(User::BIO.cast::<i64>()).filter(User::ID.eq(2)).one().await.unwrap();
    assert_eq!(cast, None);
}

async fn ids(find: Find<'_, User, &TestSource<DB>>) -> Vec<i64> {
    find.order_by(User::ID.asc()).select(User::ID).all().await.unwrap()
}

#[tokio::test]
async fn expressions_in_filters_and_orders() {
    let db = people().await;
    let users = User::repo(db.source());
    assert_eq!(ids(users.find().filter(User::NAME.lower().eq("ada"))).await, [1]);
    assert_eq!(ids(users.find().filter(User::NAME.trim().length().gt(2))).await, [1, 2]);
    assert_eq!(ids(users.find().filter(User::BIO.length().is_null())).await, [2]);
    assert_eq!(ids(users.find().filter(User::BIO.coalesce("-").in_(["-", ""]))).await, [2, 3]);
    assert_eq!(ids(users.find().filter(User::ROLE.plus(1).times(2).eq(4))).await, [1, 3]);
    assert_eq!(ids(users.find().filter(User::ROLE.cast::<i64>().minus(User::ID).abs().le(1))).await, [1, 2]);
    assert_eq!(ids(users.find().filter(User::ROLE.cast::<String>().eq("-3"))).await, [4]);
    assert_eq!(ids(users.find().filter(User::ROLE.cast::<i64>().lt(User::ID))).await, [3, 4]);
    assert_eq!(
        ids(users.find().filter(User::BIO.trim().upper().eq(Some("COUNTESS".to_owned())))).await,
        [1, 4]
    );
    assert_eq!(ids(users.find().order_by(User::ROLE.abs().desc())).await, [4, 2, 1, 3]);
    let by_bio = users.find().order_by(User::BIO.coalesce("A").desc());
    assert_eq!(ids(by_bio).await, [1, 4, 2, 3]);
    for (order, wanted) in [
        (User::BIO.length().asc().nulls_first(), [2, 3, 1, 4]),
        (User::BIO.length().asc().nulls_last(), [3, 1, 4, 2]),
        (User::BIO.length().desc().nulls_first(), [2, 1, 4, 3]),
        (User::BIO.length().desc().nulls_last(), [1, 4, 3, 2]),
    ] {
        assert_eq!(ids(users.find().order_by(order)).await, wanted);
    }
}

#[tokio::test]
async fn distinct_rows() {
    let db = people().await;
    let repo = User::repo(db.source());
    let find = || repo.find().distinct();
    let roles = find().select(User::ROLE).order_by(User::ROLE.asc());
    assert_eq!(roles.clone().all().await.unwrap(), [-3, 1, 2]);
    assert_eq!(roles.clone().count().await.unwrap(), 3);
    assert_eq!(roles.clone().limit(1).offset(1).all().await.unwrap(), [1]);
    assert_eq!(roles.filter(User::ID.ne(4)).count().await.unwrap(), 2);
    let bios = find().select(User::BIO).order_by(User::BIO.asc().nulls_last()).all().await.unwrap();
    assert_eq!(bios, [Some(String::new()), Some("Countess".into()), None]);
    let pairs = find().select((User::BIO, User::BIO)).count().await.unwrap();
    assert_eq!(pairs, 3);
    // Arguments in what is selected and ordered by.
    let bio = || User::BIO.coalesce("none");
    assert_eq!(find().select(bio()).order_by(bio().desc()).all().await.unwrap(), ["none", "Countess", ""]);
    let placed = find().select(bio()).order_by(bio().asc().nulls_last());
    assert_eq!(placed.all().await.unwrap(), ["", "Countess", "none"]);
    // Whole rows all differ.
    assert_eq!(find().count().await.unwrap(), 4);
    assert_eq!(find().order_by(User::ROLE.asc()).order_by(User::ID.desc()).all().await.unwrap()[1].id, 3);
}

#[tokio::test]
async fn distinct_rows_are_ordered_by_what_is_selected() {
    let db = people().await;
    let repo = User::repo(db.source());
    let find = || repo.find().distinct();
    let error = find().select(User::ROLE).order_by(User::EMAIL.asc()).all().await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::BadRequest);
    assert!(error.to_string().contains("`users.email`"), "{error}");
    let error = find().order_by(User::NAME.lower().asc()).all().await.unwrap_err();
    assert!(error.to_string().contains("the column `name`"), "{error}");
    let error = repo.find().distinct().delete().await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::BadRequest);
    assert_eq!(repo.find().count().await.unwrap(), 4);
}

#[derive(Debug, Clone, PartialEq, sqlx::Type)]
#[sqlx(transparent)]
struct Code(String);
impl NotNull for Code {}
impl Text for Code {}

/// The types that are not in [`User`].
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "odd \"things\"")]
struct Thing {
    #[kysera(id, assigned)]
    id: i64,
    #[kysera(rename = "the \"code\"")]
    code: Code,
    maybe: Option<Code>,
    day: Option<NaiveDate>,
    at: DateTime<Utc>,
    on: bool,
    ratio: f32,
}

const THINGS: Ddl = Ddl {
    postgres: r#"CREATE TABLE "odd ""things""" (id BIGINT PRIMARY KEY, "the ""code""" VARCHAR(20) NOT NULL,
        maybe TEXT, day DATE, at TIMESTAMPTZ NOT NULL, "on" BOOLEAN NOT NULL, ratio REAL NOT NULL)"#,
    mysql: "CREATE TABLE `odd \"things\"` (id BIGINT PRIMARY KEY, `the \"code\"` VARCHAR(20) NOT NULL,
        maybe TEXT, day DATE, at TIMESTAMP NOT NULL, `on` BOOLEAN NOT NULL, ratio FLOAT NOT NULL)",
    sqlite: r#"CREATE TABLE "odd ""things""" (id INTEGER PRIMARY KEY, "the ""code""" TEXT NOT NULL,
        maybe TEXT, day TEXT, at TEXT NOT NULL, "on" BOOLEAN NOT NULL, ratio REAL NOT NULL)"#,
};

async fn things() -> Fixture<DB> {
    let db = Fixture::<DB>::new(&THINGS).await;
    let at = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    let thing = NewThing { id: 1, code: Code("Ab".into()), maybe: None, day: None, at, on: true, ratio: 0.5 };
    let day = NaiveDate::from_ymd_opt(2024, 2, 29);
    let other =
        NewThing { id: 2, maybe: Some(Code("x".into())), day, on: false, ratio: 0.25, ..thing.clone() };
    Thing::repo(db.source()).insert_many([thing, other]).await.unwrap();
    db
}

#[tokio::test]
async fn newtypes_and_dates_and_odd_names() {
    let db = things().await;
    let repo = Thing::repo(db.source());
    let find = || repo.find().order_by(Thing::ID.asc());
    let day = NaiveDate::from_ymd_opt(2024, 2, 29).unwrap();
    let lower: Vec<(Code, Code)> =
        find().select((Thing::CODE.lower(), Thing::MAYBE.coalesce(Thing::CODE))).all().await.unwrap();
    assert_eq!(lower, [(Code("ab".into()), Code("Ab".into())), (Code("ab".into()), Code("x".into()))]);
    let days = find().select(Thing::DAY.coalesce(NaiveDate::MIN.max(day))).all().await.unwrap();
    assert_eq!(days, [day, day]);
    let rest = find().select((Thing::AT, Thing::ON, Thing::RATIO)).first().await.unwrap().unwrap();
    assert_eq!(rest, (DateTime::from_timestamp(1_700_000_000, 0).unwrap(), true, 0.5));
    let last = (Thing::DAY.max(), Thing::AT.min(), Thing::CODE.max(), Thing::RATIO.min());
    let last = repo.find().select(last).one().await.unwrap();
    assert_eq!(
        last,
        (Some(day), DateTime::from_timestamp(1_700_000_000, 0), Some(Code("Ab".into())), Some(0.25))
    );
    let grouped = repo.find().select((Thing::CODE, count())).group_by(Thing::CODE);
    assert_eq!(grouped.all().await.unwrap(), [(Code("Ab".into()), 2)]);
    let found =
        find().filter(Thing::CODE.upper().eq(Code("AB".into()))).select(Thing::ID).all().await.unwrap();
    assert_eq!(found, [1, 2]);
}

/// A value that its type does not hold is an error with the column's name and without the value.
#[tokio::test]
async fn misfits_have_the_names_of_their_columns() {
    #[derive(Debug, Repository)]
    #[kysera(table = "users")]
    struct Wrong {
        #[kysera(id)]
        id: i64,
        email: i64,
        bio: String,
    }
    let db = people().await;
    let wrong = Wrong::repo(db.source());
    let error = wrong.find().select((Wrong::ID, Wrong::EMAIL)).all().await.unwrap_err();
    assert!(matches!(error, Error::Decode { entity: "Wrong", column: "email", .. }), "{error}");
    let error = wrong.find().select((Wrong::ID, Wrong::BIO)).all().await.unwrap_err();
    assert!(matches!(error, Error::Decode { entity: "Wrong", column: "bio", .. }), "{error}");
    let error = wrong
        .find()
        .select((Wrong::ID, Wrong::BIO.lower()))
        .stream()
        .try_collect::<Vec<_>>()
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Decode { entity: "Wrong", column: "(expression)", .. }), "{error}");
    assert!(!error.to_string().contains("ountess"), "{error}");
}
