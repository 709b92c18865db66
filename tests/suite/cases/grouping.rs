//! Groups of rows.

use futures_util::TryStreamExt;
use kysera::expr::{Expr, count};
use kysera::prelude::*;
use kysera::{Error, ErrorCode};
use kysera_tests::{Ddl, Fixture};
use sqlx::types::Uuid;
use sqlx::types::chrono::NaiveDate;
use sqlx::types::time::OffsetDateTime;

use super::entities::*;
use crate::DB;

/// | id | name | bio  | role |
/// |----|------|------|------|
/// | 1  | Ada  | x    | 1    |
/// | 2  | Bob  | NULL | 1    |
/// | 3  | ada  | NULL | 2    |
/// | 4  | Cy   | none | 2    |
/// | 5  | Cy   | x    | 3    |
async fn people() -> Fixture<DB> {
    let db = Fixture::<DB>::new(&USERS).await;
    let rows = [
        ("Ada", Some("x"), 1),
        ("Bob", None, 1),
        ("ada", None, 2),
        ("Cy", Some("none"), 2),
        ("Cy", Some("x"), 3),
    ];
    let rows = rows.iter().enumerate().map(|(i, (name, bio, role))| NewUser {
        bio: bio.map(Into::into),
        role: Some(*role),
        ..user(format!("{i}@x"), name)
    });
    User::repo(db.source()).create_many(rows.collect::<Vec<_>>()).await.unwrap();
    db
}

#[tokio::test]
async fn groups_of_a_column() {
    let db = people().await;
    let repo = User::repo(db.source());
    let find = || repo.find().select((User::ROLE, count())).group_by(User::ROLE);
    assert_eq!(find().order_by(User::ROLE.asc()).all().await.unwrap(), [(1, 2), (2, 2), (3, 1)]);
    let by_size = find().order_by(count().asc()).order_by(User::ROLE.desc());
    assert_eq!(by_size.clone().all().await.unwrap(), [(3, 1), (2, 2), (1, 2)]);
    assert_eq!(by_size.clone().limit(1).offset(1).all().await.unwrap(), [(2, 2)]);
    assert_eq!(by_size.clone().stream().try_collect::<Vec<_>>().await.unwrap().len(), 3);
    assert_eq!(by_size.first().await.unwrap(), Some((3, 1)));
    let large = find().having(count().gt(1)).having(User::ROLE.ge(2));
    assert_eq!(large.clone().all().await.unwrap(), [(2, 2)]);
    assert_eq!(large.one().await.unwrap(), (2, 2));
    // A filter decides before.
    let filtered = find().filter(User::BIO.is_not_null()).order_by(User::ROLE.asc());
    assert_eq!(filtered.all().await.unwrap(), [(1, 1), (2, 1), (3, 1)]);
    let either = find().having(count().eq(1) | User::ID.min().eq(3)).order_by(User::ROLE.asc());
    assert_eq!(either.all().await.unwrap(), [(2, 2), (3, 1)]);
}

#[tokio::test]
async fn counting_counts_groups() {
    let db = people().await;
    let repo = User::repo(db.source());
    let find = || repo.find().select((User::ROLE, count())).group_by(User::ROLE);
    assert_eq!(find().count().await.unwrap(), 3);
    assert_eq!(find().having(count().gt(1)).count().await.unwrap(), 2);
    assert_eq!(find().filter(User::ID.gt(4)).count().await.unwrap(), 1);
    assert!(find().having(count().gt(1)).exists().await.unwrap());
    assert!(!find().having(count().gt(2)).exists().await.unwrap());
    // Without rows there are no groups.
    let none = find().filter(User::ID.lt(0));
    assert_eq!(none.clone().all().await.unwrap(), []);
    assert_eq!(none.clone().count().await.unwrap(), 0);
    assert!(!none.exists().await.unwrap());
    // How many sizes groups have.
    let sizes = repo.find().select(count()).group_by(User::ROLE).distinct();
    assert_eq!(sizes.clone().order_by(count().asc()).all().await.unwrap(), [1, 2]);
    assert_eq!(sizes.count().await.unwrap(), 2);
}

#[tokio::test]
async fn nulls_are_a_group() {
    let db = people().await;
    let repo = User::repo(db.source());
    let find = repo.find().select((User::BIO, count(), User::ID.sum())).group_by(User::BIO);
    let found = find.order_by(User::BIO.asc().nulls_first()).all().await.unwrap();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(found, [(None, 2, Some(5)), (text("none"), 1, Some(4)), (text("x"), 2, Some(6))]);
}

#[tokio::test]
async fn groups_of_several_things() {
    let db = people().await;
    let repo = User::repo(db.source());
    let lower = || User::NAME.lower();
    let find = repo.find().select((lower(), User::ROLE, count())).group_by((lower(), User::ROLE));
    let found = find.order_by_all([lower().asc(), User::ROLE.asc()]).all().await.unwrap();
    let row = |name: &str, role, n| (name.to_owned(), role, n);
    assert_eq!(
        found,
        [row("ada", 1, 1), row("ada", 2, 1), row("bob", 1, 1), row("cy", 2, 1), row("cy", 3, 1)]
    );
    // Not everything that is grouped by is selected, and what is computed of it may be.
    let find = repo.find().select((lower().length(), count())).group_by(lower());
    assert_eq!(find.order_by(lower().asc()).all().await.unwrap(), [(3, 2), (3, 1), (2, 2)]);
    let eight =
        (User::ID, User::EMAIL, lower(), User::BIO, User::ROLE, User::VISITS, User::NAME, User::ROLE.plus(1));
    assert_eq!(repo.find().select(eight.clone()).group_by(eight).count().await.unwrap(), 5);
}

#[tokio::test]
async fn expressions_with_arguments() {
    let db = people().await;
    let repo = User::repo(db.source());
    let text = |text: &str| text.to_owned();
    // Said twice: the same expression all the same.
    let bio = || User::BIO.coalesce("none");
    let find = || repo.find().select((bio(), count())).group_by(bio());
    assert_eq!(find().order_by(bio().asc()).all().await.unwrap(), [(text("none"), 3), (text("x"), 2)]);
    assert_eq!(find().order_by(bio().desc()).all().await.unwrap(), [(text("x"), 2), (text("none"), 3)]);
    let placed = find().order_by(bio().desc().nulls_first());
    assert_eq!(placed.all().await.unwrap(), [(text("x"), 2), (text("none"), 3)]);
    assert_eq!(find().count().await.unwrap(), 2);
    assert!(find().exists().await.unwrap());
    assert_eq!(find().having(bio().eq("x")).all().await.unwrap(), [(text("x"), 2)]);
    assert_eq!(find().having(bio().eq("none") & count().gt(2)).count().await.unwrap(), 1);
    // And beside the same value elsewhere.
    let kept = find().filter(User::BIO.ne("none") | User::BIO.is_null()).order_by(count().asc());
    assert_eq!(kept.order_by(bio().asc()).all().await.unwrap(), [(text("none"), 2), (text("x"), 2)]);
    // Kept and used again, behind another item, with another argument of the same value.
    let old: Expr<User, i32> = User::ROLE.plus(1);
    let found = repo.find().select((count(), old.clone(), User::ROLE.plus(2).max()));
    let found = found.group_by(old.clone()).order_by(old.desc()).all().await.unwrap();
    assert_eq!(found, [(1, 4, Some(5)), (2, 3, Some(4)), (2, 2, Some(3))]);
    // Something computed of what is grouped by.
    let long = repo.find().select((bio().upper(), count())).group_by(bio()).order_by(bio().asc());
    assert_eq!(long.all().await.unwrap(), [(text("NONE"), 3), (text("X"), 2)]);
    // Not selected at all.
    let sizes = repo.find().select(count()).group_by(bio()).order_by(bio().asc());
    assert_eq!(sizes.all().await.unwrap(), [3, 2]);
}

#[tokio::test]
async fn groups_of_a_whole_key() {
    let db = people().await;
    let repo = User::repo(db.source());
    let find = repo.find().select((User::NAME, User::ROLE.plus(1), count())).group_by(User::ID);
    let found = find.order_by(User::EMAIL.desc()).limit(1).all().await.unwrap();
    assert_eq!(found, [("Cy".into(), 4, 1)]);

    let db = Fixture::<DB>::new(&MEMBERS).await;
    let members = Member::repo(db.source());
    members.create_many([member(1, "a", 3), member(1, "b", 4), member(2, "a", 5)]).await.unwrap();
    let find = members.find().select((Member::LEVEL, count())).group_by((Member::USER, Member::ORG));
    assert_eq!(find.order_by(Member::LEVEL.asc()).all().await.unwrap(), [(3, 1), (4, 1), (5, 1)]);
    // Half of it is not enough.
    let error =
        members.find().select((Member::LEVEL, count())).group_by(Member::ORG).all().await.unwrap_err();
    refused(&error, "the column `members.level`");
}

#[track_caller]
fn refused(error: &Error, with: &str) {
    assert_eq!(error.code(), ErrorCode::BadRequest, "{error:?}");
    assert!(error.to_string().contains(with), "{error}");
}

#[tokio::test]
async fn what_differs_within_a_group_is_refused() {
    let db = people().await;
    let repo = User::repo(db.source());
    let find = || repo.find().select((User::ROLE, count())).group_by(User::ROLE);
    let ungrouped = repo.find().select((User::ROLE, User::NAME.lower())).group_by(User::ROLE);
    refused(&ungrouped.clone().all().await.unwrap_err(), "an expression of the column `name`");
    refused(&ungrouped.clone().count().await.unwrap_err(), "an expression of the column `name`");
    refused(&ungrouped.exists().await.unwrap_err(), "an expression of the column `name`");
    refused(&find().order_by(User::NAME.asc()).all().await.unwrap_err(), "orders by the column `users.name`");
    refused(&find().having(User::NAME.eq("x")).all().await.unwrap_err(), "`having` the column `users.name`");
    let deep = find().having(count().gt(1) & !(User::BIO.is_null() | count().lt(9)));
    refused(&deep.all().await.unwrap_err(), "the column `users.bio`");
    let other = repo.find().select(User::BIO.coalesce("a")).group_by(User::BIO.coalesce("b"));
    refused(&other.all().await.unwrap_err(), "an expression of the column `bio`");
    let aggregated = repo.find().select(count()).group_by(User::ROLE.max());
    refused(&aggregated.all().await.unwrap_err(), "an aggregate");
    // What is computed of groups and constants is fine.
    let fine =
        repo.find().select((User::ROLE.plus(1), User::ROLE.times(User::ROLE), User::ROLE.cast::<String>()));
    assert_eq!(fine.group_by(User::ROLE).all().await.unwrap().len(), 3);
}

#[tokio::test]
async fn conditions_on_groups() {
    let db = people().await;
    let repo = User::repo(db.source());
    let find = || repo.find().select(User::ROLE).group_by(User::ROLE).order_by(User::ROLE.asc());
    macro_rules! keeps {
        ($($filter:expr => $roles:expr),+ $(,)?) => {
            $(assert_eq!(find().having($filter).all().await.unwrap(), $roles as [i32; _], "{}", stringify!($filter));)+
        };
    }
    keeps!(
        User::ID.max().eq(4) => [2],
        User::ID.max().eq(User::ID.min()) => [3],
        User::ID.min().in_([1, 5]) => [1, 3],
        User::ID.min().not_in([1, 5]) => [2],
        User::ID.sum().between(5, 7) => [2, 3],
        User::ID.avg().lt(2.0) => [1],
        User::BIO.max().is_null() => [],
        User::BIO.min().eq("none") => [2],
        User::BIO.max().starts_with("x") => [1, 3],
        User::NAME.lower().min().contains("d") => [1, 2],
        User::BIO.count().ne(count()) => [1, 2],
        User::BIO.count_distinct().eq(1) & User::ROLE.lt(3) => [1, 2],
        User::ROLE.plus(1).eq(3) => [2],
        count().times(User::ROLE.cast::<i64>()).eq(4) => [2],
        !count().gt(1) | User::ROLE.eq(1) => [1, 3],
        kysera::Filter::raw("COUNT(*) > {}", (1_i64,)) => [1, 2],
    );
    let none = find().having(User::ID.max().in_(Vec::<i64>::new()));
    assert_eq!(none.count().await.unwrap(), 0);
}

/// A text that serde writes in its own way.
#[derive(Debug, Clone, PartialEq, sqlx::Type, serde::Serialize, serde::Deserialize)]
#[sqlx(transparent)]
struct Label(String);

impl kysera::expr::NotNull for Label {}

/// One that serde does not know.
#[derive(Debug, Clone, PartialEq, sqlx::Type)]
#[sqlx(transparent)]
struct Unknown(String);

impl kysera::expr::NotNull for Unknown {}

#[derive(Debug, Repository)]
#[kysera(table = "things")]
struct Thing {
    #[kysera(id, assigned)]
    id: i64,
    weight: f64,
    size: Option<f32>,
    day: Option<NaiveDate>,
    at: Option<OffsetDateTime>,
    owner: Option<Uuid>,
    label: Option<Label>,
    unknown: Option<Unknown>,
}

const THINGS: Ddl = Ddl {
    postgres: "CREATE TABLE things (id BIGINT PRIMARY KEY, weight DOUBLE PRECISION NOT NULL, size REAL, day DATE,
        at TIMESTAMPTZ, owner UUID, label TEXT, unknown TEXT)",
    mysql: "CREATE TABLE things (id BIGINT PRIMARY KEY, weight DOUBLE NOT NULL, size FLOAT, day DATE, at DATETIME(6),
        owner BINARY(16), label VARCHAR(20), unknown VARCHAR(20))",
    sqlite: "CREATE TABLE things (id INTEGER PRIMARY KEY, weight REAL NOT NULL, size REAL, day DATE, at DATETIME,
        owner BLOB, label TEXT, unknown TEXT)",
};

#[tokio::test]
async fn equal_arguments_of_any_type_that_serde_knows() {
    let db = Fixture::<DB>::new(&THINGS).await;
    let repo = Thing::repo(db.source());
    let day = NaiveDate::from_yo_opt(2024, 60).unwrap();
    let at = OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap();
    let rows = (1..=3).map(|id| NewThing {
        id,
        weight: id as f64 / 2.0,
        size: (id == 1).then_some(0.5),
        day: (id == 1).then_some(day),
        at: (id == 1).then_some(at),
        owner: (id == 1).then_some(Uuid::from_u128(7)),
        label: (id == 1).then(|| Label("x".into())),
        unknown: (id == 1).then(|| Unknown("x".into())),
    });
    repo.insert_many(rows.collect::<Vec<_>>()).await.unwrap();
    // Each is written anew wherever it is needed.
    macro_rules! groups {
        ($($expr:expr => [$($found:expr),+]),+ $(,)?) => { $(
            let term = || $expr;
            let find = || repo.find().select((term(), count())).group_by(term()).order_by(term().asc());
            assert_eq!(find().all().await.unwrap(), [$($found),+], "{}", stringify!($expr));
            assert_eq!(find().having(count().gt(0) & term().eq($expr)).count().await.unwrap(), [$($found),+].len() as u64);
        )+ };
    }
    groups!(
        Thing::WEIGHT.times(2.0) => [(1.0, 1), (2.0, 1), (3.0, 1)],
        Thing::SIZE.coalesce(0.1) => [(0.1, 2), (0.5, 1)],
        Thing::DAY.coalesce(day) => [(day, 3)],
        Thing::AT.coalesce(at) => [(at, 3)],
        Thing::OWNER.coalesce(Uuid::from_u128(7)) => [(Uuid::from_u128(7), 3)],
        Thing::LABEL.coalesce(Label("a".into())) => [(Label("a".into()), 2), (Label("x".into()), 1)],
    );

    let unlike = repo.find().select(Thing::WEIGHT.times(0.0)).group_by(Thing::WEIGHT.times(-0.0));
    refused(&unlike.all().await.unwrap_err(), "give a clone of the same expression to both");
    let unlike = repo.find().select(Thing::WEIGHT.times(2.0)).group_by(Thing::WEIGHT.times(2.5));
    refused(&unlike.all().await.unwrap_err(), "an expression of the column `weight`");

    // Of what serde does not know, nothing says that it is the same; a clone is.
    let unknown = || Thing::UNKNOWN.coalesce(Unknown("a".into()));
    let twice = repo.find().select((unknown(), count())).group_by(unknown());
    refused(&twice.all().await.unwrap_err(), "give a clone of the same expression to both");
    let once = unknown();
    let find = repo.find().select((once.clone(), count())).group_by(once.clone()).order_by(once.asc());
    assert_eq!(find.all().await.unwrap(), [(Unknown("a".into()), 2), (Unknown("x".into()), 1)]);
}
