//! Values are never SQL, and identifiers are never more than names.

use kysera::backend::{Backend, Dialect};
use kysera::{Conflict, Repository};
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
