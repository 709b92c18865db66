//! Searching whatever the case of letters.

use kysera::backend::{Backend, Dialect};
use kysera::{Filter, Repository};
use kysera_tests::Fixture;

use super::entities::*;
use crate::DB;

async fn kept(db: &Fixture<DB>, filter: Filter<Item>) -> Vec<String> {
    let rows = Item::repo(db.source()).find().filter(filter).order_by(Item::ID.asc()).all().await.unwrap();
    rows.into_iter().map(|item| item.name).collect()
}

async fn named(names: &[&str]) -> Fixture<DB> {
    let db = Fixture::<DB>::new(&ITEMS).await;
    let rows = (0..).zip(names).map(|(id, name)| NewItem { name: (*name).into(), ..item(id) });
    Item::repo(db.source()).create_many(rows).await.unwrap();
    db
}

#[tokio::test]
async fn letters_of_ascii_have_no_case() {
    let db = named(&["Ada", "ADA", "ada b", "b aDa", "adb", "%Ada", "A_a", "[A]", "\\a!", ""]).await;
    for (filter, expected) in [
        (Item::NAME.eq_ignore_case("aDA"), vec!["Ada", "ADA"]),
        (Item::NAME.eq_ignore_case(""), vec![""]),
        (Item::NAME.contains_ignore_case("DA"), vec!["Ada", "ADA", "ada b", "b aDa", "%Ada"]),
        (Item::NAME.starts_with_ignore_case("aD"), vec!["Ada", "ADA", "ada b", "adb"]),
        (Item::NAME.ends_with_ignore_case("Da"), vec!["Ada", "ADA", "b aDa", "%Ada"]),
        (Item::NAME.ends_with_ignore_case("A"), vec!["Ada", "ADA", "b aDa", "%Ada", "A_a"]),
        (Item::NAME.contains_ignore_case("%"), vec!["%Ada"]),
        (Item::NAME.contains_ignore_case("_A"), vec!["A_a"]),
        (Item::NAME.contains_ignore_case("[a]"), vec!["[A]"]),
        (Item::NAME.contains_ignore_case("\\A!"), vec!["\\a!"]),
        (Item::NAME.starts_with_ignore_case("\\A"), vec!["\\a!"]),
        (Item::NAME.ends_with_ignore_case("A!"), vec!["\\a!"]),
        (Item::NAME.ilike("ADA%"), vec!["Ada", "ADA", "ada b"]),
        (Item::NAME.ilike("%a\\_A"), vec!["A_a"]),
        (Item::NAME.ilike("a_A"), vec!["Ada", "ADA", "A_a"]),
        (Item::NAME.lower().eq("ada"), vec!["Ada", "ADA"]),
        (Item::NAME.upper().eq("ADA"), vec!["Ada", "ADA"]),
        (Item::NAME.lower().starts_with("ada "), vec!["ada b"]),
        (Item::NAME.upper().length().eq(0), vec![""]),
    ] {
        assert_eq!(kept(&db, filter).await, expected);
    }
    for all in ["", "%"] {
        assert_eq!(kept(&db, Item::NAME.ilike(format!("%{all}"))).await.len(), 10);
    }
    assert_eq!(kept(&db, Item::NAME.contains_ignore_case("")).await.len(), 10);
    assert_eq!(kept(&db, Item::CODE.contains_ignore_case("")).await.len(), 0);
}

#[tokio::test]
async fn which_other_letters_have_a_case_is_the_databases_to_say() {
    let db = named(&["ÉTÉ", "été", "ПРИВЕТ"]).await;
    // MySQL knows all letters, PostgreSQL those of the column's collation, SQLite those of ASCII.
    let knows = DB::DIALECT == Dialect::MySql;
    for (filter, all, own) in [
        (Item::NAME.eq_ignore_case("été"), vec!["ÉTÉ", "été"], vec!["été"]),
        (Item::NAME.contains_ignore_case("tÉ"), vec!["ÉTÉ", "été"], vec!["ÉTÉ"]),
        (Item::NAME.starts_with_ignore_case("приВ"), vec!["ПРИВЕТ"], vec![]),
        (Item::NAME.ilike("É%"), vec!["ÉTÉ", "été"], vec!["ÉTÉ"]),
        (Item::NAME.lower().eq("привет"), vec!["ПРИВЕТ"], vec![]),
    ] {
        assert_eq!(kept(&db, filter).await, if knows { all } else { own });
    }
    if DB::DIALECT == Dialect::Postgres {
        let db = named(&["ÉTÉ", "été", "ПРИВЕТ"]).await;
        db.execute(r#"ALTER TABLE items ALTER COLUMN name TYPE TEXT COLLATE "und-x-icu""#).await;
        assert_eq!(kept(&db, Item::NAME.eq_ignore_case("été")).await, ["ÉTÉ", "été"]);
        assert_eq!(kept(&db, Item::NAME.ilike("É%")).await, ["ÉTÉ", "été"]);
        assert_eq!(kept(&db, Item::NAME.starts_with_ignore_case("приВ")).await, ["ПРИВЕТ"]);
    }
}

#[tokio::test]
async fn trimming_takes_spaces_from_both_ends() {
    let db = named(&["  a b ", "a b", "\ta b"]).await;
    assert_eq!(kept(&db, Item::NAME.trim().eq("a b")).await, ["  a b ", "a b"]);
    assert_eq!(kept(&db, Item::NAME.length().eq(6)).await, ["  a b "]);
}

#[tokio::test]
async fn arithmetic_at_the_ends_of_a_type() {
    let db = Fixture::<DB>::new(&ITEMS).await;
    let items = Item::repo(db.source());
    let row = |id: i64, qty: i32, weight: f64| NewItem { qty: Some(qty), weight, ..item(id) };
    items.create_many([row(i64::MAX, i32::MAX, f64::MAX), row(0, 0, 0.0), row(1, -1, -1.5)]).await.unwrap();
    let count = |filter: Filter<Item>| items.find().filter(filter).count();
    assert_eq!(count(Item::ID.minus(1).eq(i64::MAX - 1)).await.unwrap(), 1);
    assert_eq!(count(Item::QTY.minus(i32::MAX).eq(0)).await.unwrap(), 1);
    assert_eq!(count(Item::WEIGHT.abs().eq(1.5)).await.unwrap(), 1);
    assert_eq!(count(Item::QTY.abs().eq(1)).await.unwrap(), 1);
    assert_eq!(count(Item::QTY.times(0).eq(0)).await.unwrap(), 3);
    assert_eq!(count(Item::WEIGHT.times(0.5).lt(-0.5)).await.unwrap(), 1);
    assert_eq!(count(Item::WEIGHT.ge(f64::MAX)).await.unwrap(), 1);
    // Out of range: an error of the servers, a float on SQLite.
    let beyond = count(Item::ID.plus(1).gt(0)).await;
    match DB::DIALECT {
        Dialect::Sqlite => assert_eq!(beyond.unwrap(), 3),
        _ => assert!(matches!(beyond, Err(kysera::Error::Database(_))), "{beyond:?}"),
    }
    // The database puts it right: the connection goes on.
    assert_eq!(count(Item::ID.ge(0)).await.unwrap(), 3);
}
