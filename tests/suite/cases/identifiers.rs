//! Values are never SQL, and identifiers are never more than names.

use kysera::backend::{Backend, Dialect};
use kysera::expr::count;
use kysera::prelude::*;
use kysera::{Conflict, Keyset};
use kysera_tests::{Ddl, Fixture, TestSource};

use super::entities::*;
use crate::DB;

const INJECTIONS: [&str; 12] = [
    "'",
    "''; DROP TABLE users; --",
    "\"; DROP TABLE users; --",
    "`; DROP TABLE users; --",
    "\\'; DROP TABLE users; --",
    "\\",
    "' OR '1'='1",
    "x' UNION SELECT * FROM users --",
    "/* comment */ -- and # another",
    "$1 ? :name @var {} %s",
    "NULL",
    "\u{202e}\u{200b}\u{feff}",
];

#[tokio::test]
async fn values_come_back_as_they_were_given() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    for (i, text) in INJECTIONS.into_iter().enumerate() {
        let new = NewUser { bio: Some(text.into()), ..user(format!("{i} {text}"), text) };
        let made = users.create(new).await.unwrap();
        assert_eq!((made.name.as_str(), made.bio.as_deref()), (text, Some(text)));
        let found = users.find().filter(User::NAME.eq(text) & User::BIO.in_([text])).one().await.unwrap();
        assert_eq!(found, made);
        assert_eq!(
            users.find().filter(User::EMAIL.starts_with(format!("{i} {text}"))).one().await.unwrap(),
            made
        );
        assert_eq!(users.update(made.id, UserPatch::new().name(text)).await.unwrap(), made);
        let many = users.update_many([(made.id, UserPatch::new().bio(text))]).await.unwrap();
        assert_eq!(many, std::slice::from_ref(&made));
        let upserted = users.upsert(user(made.email.as_str(), text), Conflict::on(User::EMAIL).keep()).await;
        assert_eq!(upserted.unwrap(), made);
    }
    assert_eq!(users.count().await.unwrap(), INJECTIONS.len() as u64);
}

/// Quotation marks, spaces, dots, commas, reserved words and more than ASCII, in the names of a table, its columns and
/// its keys.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "or\"der `by`, a.b; --")]
pub struct Odd {
    #[kysera(id, rename = "select")]
    pub id: i64,
    #[kysera(rename = "a, \"b\".`c`")]
    #[kysera(unique = "odd's key, the.first")]
    pub quoted: String,
    #[kysera(rename = "größe ' $1 ?")]
    pub size: Option<i32>,
    #[kysera(rename = "where", default)]
    pub r#where: i32,
}

const ODD: Ddl = Ddl {
    postgres: r#"CREATE TABLE "or""der `by`, a.b; --" (
        "select" BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "a, ""b"".`c`" TEXT NOT NULL,
        "größe ' $1 ?" INT, "where" INT NOT NULL DEFAULT 3,
        CONSTRAINT "odd's key, the.first" UNIQUE ("a, ""b"".`c`"))"#,
    mysql: r#"CREATE TABLE `or"der ``by``, a.b; --` (
        `select` BIGINT AUTO_INCREMENT PRIMARY KEY, `a, "b".``c``` VARCHAR(100) NOT NULL,
        `größe ' $1 ?` INT, `where` INT NOT NULL DEFAULT 3,
        CONSTRAINT `odd's key, the.first` UNIQUE (`a, "b".``c```))"#,
    sqlite: r#"CREATE TABLE "or""der `by`, a.b; --" (
        "select" INTEGER PRIMARY KEY, "a, ""b"".`c`" TEXT NOT NULL,
        "größe ' $1 ?" INTEGER, "where" INTEGER NOT NULL DEFAULT 3,
        CONSTRAINT "odd's key, the.first" UNIQUE ("a, ""b"".`c`"))"#,
};

fn odd(quoted: &str) -> NewOdd {
    NewOdd { quoted: quoted.into(), size: None, r#where: None }
}

async fn all(source: &TestSource<DB>) -> Vec<(String, Option<i32>, i32)> {
    let rows = Odd::repo(source).find().order_by(Odd::QUOTED.asc()).all().await.unwrap();
    rows.into_iter().map(|row| (row.quoted, row.size, row.r#where)).collect()
}

#[tokio::test]
async fn every_operation_works_on_names_that_need_quoting() {
    let db = Fixture::<DB>::new(&ODD).await;
    let odds = Odd::repo(db.source());
    let a = odds.create(odd("a")).await.unwrap();
    assert_eq!((a.quoted.as_str(), a.size, a.r#where), ("a", None, 3));
    let bc = odds.create_many([odd("b"), NewOdd { r#where: Some(1), ..odd("c") }]).await.unwrap();
    assert_eq!(odds.insert_many([odd("d"), odd("e")]).await.unwrap(), 2);
    assert_eq!(odds.get(a.id).await.unwrap(), a);
    assert!(odds.exists(a.id).await.unwrap());
    assert_eq!(odds.find_by_ids([bc[1].id, a.id]).await.unwrap(), [bc[1].clone(), a.clone()]);
    assert_eq!(odds.find_all().await.unwrap().len(), 5);
    assert_eq!(odds.count().await.unwrap(), 5);

    assert_eq!(odds.update(a.id, OddPatch::new().size(1).r#where(2)).await.unwrap().size, Some(1));
    let rows = [(bc[0].id, OddPatch::new().size(2)), (bc[1].id, OddPatch::new().r#where(9))];
    assert_eq!(odds.update_many(rows).await.unwrap().len(), 2);
    assert_eq!(odds.upsert(NewOdd { size: Some(4), ..odd("d") }, Odd::QUOTED).await.unwrap().size, Some(4));
    let rows = [NewOdd { size: Some(5), ..odd("e") }, odd("f")];
    assert_eq!(odds.upsert_many(rows, Odd::QUOTED).await.unwrap().len(), 2);
    let expected = [
        ("a", Some(1), 2),
        ("b", Some(2), 3),
        ("c", None, 9),
        ("d", Some(4), 3),
        ("e", Some(5), 3),
        ("f", None, 3),
    ];
    assert_eq!(
        all(db.source()).await,
        expected.map(|(quoted, size, place)| (quoted.to_string(), size, place))
    );

    let find = odds.find().filter(Odd::SIZE.is_not_null() & Odd::QUOTED.contains("d"));
    assert_eq!(find.clone().count().await.unwrap(), 1);
    assert!(find.clone().exists().await.unwrap());
    assert_eq!(find.clone().update(OddPatch::new().size(None)).await.unwrap(), 1);
    assert_eq!(find.delete().await.unwrap(), 0);
    let rows =
        odds.find().order_by(Odd::SIZE.desc().nulls_last()).order_by(Odd::WHERE.desc()).all().await.unwrap();
    assert_eq!(rows[0].quoted, "e");
    assert!(odds.delete(a.id).await.unwrap());
    assert_eq!(odds.delete_many([bc[0].id, a.id]).await.unwrap(), 1);
}

#[tokio::test]
async fn a_violation_names_the_columns_as_the_database_does() {
    let db = Fixture::<DB>::new(&ODD).await;
    let odds = Odd::repo(db.source());
    odds.create(odd("' for key 'x")).await.unwrap();
    let error = odds.create(odd("' for key 'x")).await.unwrap_err();
    assert!(error.is_unique_violation_of(Odd::QUOTED), "{error:?}");
    let violation = error.violation().unwrap();
    assert_eq!(violation.columns(), ["a, \"b\".`c`"]);
    assert_eq!(violation.table(), Some("or\"der `by`, a.b; --"));
    match DB::DIALECT {
        // It does not name keys.
        Dialect::Sqlite => assert_eq!(violation.constraint(), None),
        _ => assert_eq!(violation.constraint(), Some("odd's key, the.first")),
    }
    assert!(!error.to_string().contains("for key"), "{error}");
}

/// Tables and columns that are called as kysera calls what it needs names for.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(
    table = "r1",
    has_many(links = Counted::ONE),
    has_many(reports = R1::BOSS),
    has_many(far = J1::ID, through(Counted::ONE, Counted::TWO))
)]
pub struct R1 {
    #[kysera(id, assigned, rename = "x0")]
    pub id: i64,
    #[kysera(rename = "kysera_hit", belongs_to(boss_row = R1::ID))]
    pub boss: Option<i64>,
    #[kysera(rename = "kysera_order0")]
    pub b: i64,
    #[kysera(rename = ":x ? $1.\"c\"")]
    pub c: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(
    table = "J1",
    has_many(links = Counted::TWO),
    has_many(near = R1::ID, through(Counted::TWO, Counted::ONE))
)]
pub struct J1 {
    #[kysera(id, assigned, rename = "c0")]
    pub id: i64,
    #[kysera(rename = "j1", belongs_to(to_r1 = R1::ID))]
    pub to: Option<i64>,
    #[kysera(rename = "Page0")]
    pub page: i64,
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "r2")]
pub struct Counted {
    #[kysera(id, assigned, rename = "kysera_n")]
    pub id: i64,
    #[kysera(rename = "v", belongs_to(first = R1::ID))]
    pub one: i64,
    #[kysera(rename = "kysera_k", belongs_to(second = J1::ID))]
    pub two: i64,
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "kysera_counted")]
pub struct Page0 {
    #[kysera(id, assigned, rename = "counted")]
    pub id: i64,
    #[kysera(rename = "value")]
    pub value: String,
}

const TAKEN: Ddl = Ddl {
    postgres: r#"CREATE TABLE "r1" ("x0" BIGINT PRIMARY KEY, "kysera_hit" BIGINT, "kysera_order0" BIGINT NOT NULL,
            ":x ? $1.""c""" TEXT);
        CREATE TABLE "J1" ("c0" BIGINT PRIMARY KEY, "j1" BIGINT, "Page0" BIGINT NOT NULL);
        CREATE TABLE "r2" ("kysera_n" BIGINT PRIMARY KEY, "v" BIGINT NOT NULL, "kysera_k" BIGINT NOT NULL);
        CREATE TABLE "kysera_counted" ("counted" BIGINT PRIMARY KEY, "value" TEXT NOT NULL)"#,
    mysql: r#"CREATE TABLE `r1` (`x0` BIGINT PRIMARY KEY, `kysera_hit` BIGINT, `kysera_order0` BIGINT NOT NULL,
            `:x ? $1."c"` VARCHAR(20));
        CREATE TABLE `J1` (`c0` BIGINT PRIMARY KEY, `j1` BIGINT, `Page0` BIGINT NOT NULL);
        CREATE TABLE `r2` (`kysera_n` BIGINT PRIMARY KEY, `v` BIGINT NOT NULL, `kysera_k` BIGINT NOT NULL);
        CREATE TABLE `kysera_counted` (`counted` BIGINT PRIMARY KEY, `value` VARCHAR(20) NOT NULL)"#,
    sqlite: r#"CREATE TABLE "r1" ("x0" INTEGER PRIMARY KEY, "kysera_hit" INTEGER, "kysera_order0" INTEGER NOT NULL,
            ":x ? $1.""c""" TEXT);
        CREATE TABLE "J1" ("c0" INTEGER PRIMARY KEY, "j1" INTEGER, "Page0" INTEGER NOT NULL);
        CREATE TABLE "r2" ("kysera_n" INTEGER PRIMARY KEY, "v" INTEGER NOT NULL, "kysera_k" INTEGER NOT NULL);
        CREATE TABLE "kysera_counted" ("counted" INTEGER PRIMARY KEY, "value" TEXT NOT NULL)"#,
};

#[tokio::test]
async fn names_that_kysera_takes_for_its_own_purposes_are_free_for_tables_and_columns() {
    let db = Fixture::<DB>::new(&TAKEN).await;
    let (near, far) = (R1::repo(db.source()), J1::repo(db.source()));
    // The boss of each is the one before it.
    let rows = (1..=4).map(|id| NewR1 {
        id,
        boss: (id > 1).then_some(id - 1),
        b: 10 - id,
        c: (id % 2 == 0).then(|| format!("c{id}")),
    });
    let rows = near.create_many(rows).await.unwrap();
    let others = (1..=3).map(|id| NewJ1 { id, to: (id < 3).then_some(id), page: id * 10 });
    let others = far.create_many(others).await.unwrap();
    let links = [(1, 1, 1), (2, 1, 2), (3, 2, 2), (4, 4, 3)];
    let links = links.map(|(id, one, two)| NewCounted { id, one, two });
    Counted::repo(db.source()).insert_many(links).await.unwrap();
    let ids = |rows: Vec<R1>| rows.into_iter().map(|row| row.id).collect::<Vec<_>>();
    let find = || near.find().order_by(R1::ID.asc());

    // Sub-queries, on the table itself and through the link.
    assert_eq!(ids(find().filter(R1::REPORTS.any(R1::B.lt(8))).all().await.unwrap()), [2, 3]);
    assert_eq!(ids(find().filter(R1::BOSS_ROW.get(R1::B).eq(9)).all().await.unwrap()), [2]);
    assert_eq!(ids(find().filter(R1::LINKS.count().eq(2)).all().await.unwrap()), [1]);
    assert_eq!(ids(find().filter(R1::FAR.any(J1::PAGE.eq(20))).all().await.unwrap()), [1, 2]);
    assert_eq!(ids(find().filter(R1::FAR.any(J1::NEAR.any(R1::ID.eq(4)))).all().await.unwrap()), [4]);
    let counted = J1::LINKS.filter(Counted::FIRST.any(R1::B.ge(8))).count();
    let counts = far.find().order_by(J1::ID.asc()).select(counted).all().await.unwrap();
    assert_eq!(counts, [1, 2, 0]);

    // Joins.
    let joined = far.find().join(J1::TO_R1).order_by(J1::TO_R1.get(R1::B).asc()).all().await.unwrap();
    assert_eq!(joined, [(others[1].clone(), rows[1].clone()), (others[0].clone(), rows[0].clone())]);
    let pairs = find().left_join(R1::BOSS_ROW).filter(R1::BOSS_ROW.get(R1::REPORTS.count()).eq(1));
    assert_eq!(pairs.clone().count().await.unwrap(), 3);
    let page = pairs.clone().page(PageRequest::new(2, 2)).await.unwrap();
    assert_eq!((page.items, page.total), (vec![(rows[3].clone(), Some(rows[2].clone()))], 3));
    assert_eq!(pairs.distinct().count().await.unwrap(), 3);

    // Pages.
    let by_expression = near.find().order_by(R1::B.plus(0).asc());
    let page = by_expression.clone().page(PageRequest::new(1, 2)).await.unwrap();
    assert_eq!((page.items, page.total), (vec![rows[3].clone(), rows[2].clone()], 4));
    assert_eq!(by_expression.filter(R1::ID.eq(9)).find_and_count().await.unwrap(), (vec![], 0));
    let page = near.find().order_by(R1::C.desc().nulls_last()).keyset(Keyset::first(1)).await.unwrap();
    assert_eq!(page.items[0].id, 4);
    let page = near
        .find()
        .order_by(R1::C.desc().nulls_last())
        .keyset(Keyset::first(5).after(page.next))
        .await
        .unwrap();
    assert_eq!(ids(page.items), [2, 3, 1]);
    let page = far.find().order_by(J1::PAGE.desc()).page(PageRequest::new(2, 2)).await.unwrap();
    assert_eq!(page.items, others[..1]);

    // Groups, and different rows.
    let find = || near.find().select((R1::C.coalesce("-"), count())).group_by(R1::C.coalesce("-"));
    let groups = find().order_by(count().desc()).order_by(R1::C.coalesce("-").asc());
    let groups = groups.page(PageRequest::default()).await.unwrap();
    assert_eq!(groups.items, [("-".to_string(), 2), ("c2".into(), 1), ("c4".into(), 1)]);
    assert_eq!(find().count().await.unwrap(), 3);
    assert_eq!(near.find().select(R1::BOSS_ROW.get(R1::ID)).distinct().count().await.unwrap(), 4);

    // Loads.
    let loaded =
        near.find().order_by(R1::ID.asc()).with((R1::FAR, R1::REPORTS, R1::BOSS_ROW)).all().await.unwrap();
    let shown: Vec<_> = loaded
        .iter()
        .map(|(_, (far, reports, boss))| (far.len(), reports.len(), boss.as_ref().map(|boss| boss.id)))
        .collect();
    assert_eq!(shown, [(2, 1, None), (1, 1, Some(1)), (0, 1, Some(2)), (1, 0, Some(3))]);
    let last = R1::FAR.order_by(J1::PAGE.desc()).limit(1);
    let loaded = near.find().order_by(R1::ID.asc()).with((last, R1::LINKS.limit(1))).all().await.unwrap();
    let shown: Vec<_> =
        loaded.iter().map(|(_, (far, links))| (far.first().map(|far| far.page), links.len())).collect();
    assert_eq!(shown, [(Some(20), 1), (Some(20), 1), (None, 0), (Some(30), 1)]);

    // Writes.
    let find = near.find().filter(R1::BOSS_ROW.get(R1::ID).ge(1));
    assert_eq!(find.set(R1::B, R1::REPORTS.count()).set(R1::C, "x").execute().await.unwrap(), 3);
    assert_eq!(near.find().filter(R1::FAR.none(Filter::all([]))).delete().await.unwrap(), 1);
    let values = Page0::repo(db.source());
    values.create(NewPage0 { id: 1, value: "v".into() }).await.unwrap();
    let page = values.find().order_by(Page0::VALUE.lower().asc()).distinct().page(PageRequest::default());
    assert!(page.await.is_err());
    let page =
        values.find().order_by(Page0::VALUE.asc()).distinct().page(PageRequest::default()).await.unwrap();
    assert_eq!((page.items.len(), page.total), (1, 1));
}

/// A user whose struct names a column that the table does not have.
#[derive(Debug, Repository)]
#[kysera(table = "users")]
pub struct Misnamed {
    #[kysera(id)]
    pub id: i64,
    pub email: String,
    pub name: String,
    #[kysera(read_only)]
    pub nickname: String,
}

/// SQLite takes what stands in double quotes for a text where there is no such column.
#[tokio::test]
async fn a_column_that_is_not_there_is_an_error_and_no_text() {
    let db = Fixture::<DB>::new(&USERS).await;
    let id = User::repo(db.source()).create(user("ada@x", "Ada")).await.unwrap().id;
    let users = Misnamed::repo(db.source());
    assert!(users.find_all().await.is_err());
    assert!(users.get(id).await.is_err());
    assert!(users.create(NewMisnamed { email: "bob@x".into(), name: "Bob".into() }).await.is_err());
    assert!(users.update(id, MisnamedPatch::new().name("Eve")).await.is_err());
    assert!(users.find().select(Misnamed::NICKNAME).all().await.is_err());
    assert!(users.find().filter(Misnamed::NICKNAME.eq("nickname")).count().await.is_err());
    assert!(users.find().order_by(Misnamed::NICKNAME.asc()).select(Misnamed::ID).all().await.is_err());
}
