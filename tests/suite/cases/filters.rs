//! Filters: every operator, on several types, with SQL's three values.

use kysera::{Filter, Repository};
use kysera_tests::{Fixture, TestSource};
use sqlx::types::Uuid;
use sqlx::types::chrono::NaiveDate;

use super::entities::*;
use crate::DB;

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2024, 2, day).unwrap()
}

/// | id | qty  | weight | active | made | owner | code |
/// |----|------|--------|--------|------|-------|------|
/// | 1  | NULL | 0.5    | false  | NULL | NULL  | NULL |
/// | 2  | -5   | -0.25  | true   | 1st  | 1     | ''   |
/// | 3  | 0    | 1e300  | false  | 15th | 2     | 'a'  |
/// | 4  | 7    | 7.0    | true   | 29th | max   | 'b'  |
async fn items() -> Fixture<DB> {
    let db = Fixture::<DB>::new(&ITEMS).await;
    let rows = [
        NewItem { weight: 0.5, ..item(1) },
        NewItem {
            qty: Some(-5),
            weight: -0.25,
            active: true,
            made: Some(day(1)),
            owner: Some(Uuid::from_u128(1)),
            code: Some(String::new()),
            ..item(2)
        },
        NewItem {
            qty: Some(0),
            weight: 1e300,
            made: Some(day(15)),
            owner: Some(Uuid::from_u128(2)),
            code: Some("a".into()),
            ..item(3)
        },
        NewItem {
            qty: Some(7),
            weight: 7.0,
            active: true,
            made: Some(day(29)),
            owner: Some(Uuid::max()),
            code: Some("b".into()),
            ..item(4)
        },
    ];
    Item::repo(db.source()).create_many(rows).await.unwrap();
    db
}

/// The ids of what a filter keeps; also asked in the other ways in which a filter can be used.
async fn kept(source: &TestSource<DB>, filter: Filter<Item>) -> Vec<i64> {
    let items = Item::repo(source);
    let find = items.find().filter(filter);
    let rows = find.clone().order_by(Item::ID.asc()).all().await.unwrap();
    assert_eq!(find.clone().count().await.unwrap(), rows.len() as u64);
    assert_eq!(find.exists().await.unwrap(), !rows.is_empty());
    rows.into_iter().map(|item| item.id).collect()
}

macro_rules! keeps {
    ($db:expr, $($filter:expr => $ids:expr),+ $(,)?) => {
        $(assert_eq!(kept($db.source(), $filter).await, $ids as [i64; _], "{}", stringify!($filter));)+
    };
}

#[tokio::test]
async fn comparisons_of_columns_that_cannot_be_null() {
    let db = items().await;
    keeps!(db,
        Item::ID.eq(3) => [3],
        Item::ID.ne(3) => [1, 2, 4],
        Item::ID.gt(2) => [3, 4],
        Item::ID.ge(2) => [2, 3, 4],
        Item::ID.lt(2) => [1],
        Item::ID.le(2) => [1, 2],
        Item::ID.between(2, 3) => [2, 3],
        Item::ID.between(3, 2) => [],
        Item::ID.eq(i64::MAX) => [],
        Item::ID.gt(i64::MIN) => [1, 2, 3, 4],
        Item::WEIGHT.eq(0.5) => [1],
        Item::WEIGHT.lt(0.0) => [2],
        Item::WEIGHT.ge(7.0) => [3, 4],
        Item::WEIGHT.between(-0.25, 0.5) => [1, 2],
        Item::ACTIVE.eq(true) => [2, 4],
        Item::ACTIVE.ne(true) => [1, 3],
        Item::ACTIVE.gt(false) => [2, 4],
        Item::NAME.eq("item 2") => [2],
        Item::NAME.eq("ITEM 2") => [],
        Item::NAME.eq(String::from("item 2")) => [2],
        Item::NAME.ne("item 2") => [1, 3, 4],
        Item::NAME.gt("item 2") => [3, 4],
        Item::NAME.between("item 2", "item 3") => [2, 3],
    );
}

#[tokio::test]
async fn comparisons_of_columns_that_can_be_null_pass_over_null() {
    let db = items().await;
    keeps!(db,
        Item::QTY.eq(0) => [3],
        Item::QTY.eq(Some(0)) => [3],
        Item::QTY.ne(0) => [2, 4],
        Item::QTY.gt(-5) => [3, 4],
        Item::QTY.ge(-5) => [2, 3, 4],
        Item::QTY.lt(7) => [2, 3],
        Item::QTY.le(7) => [2, 3, 4],
        Item::QTY.between(-5, 0) => [2, 3],
        Item::MADE.eq(day(15)) => [3],
        Item::MADE.ne(day(15)) => [2, 4],
        Item::MADE.gt(day(1)) => [3, 4],
        Item::MADE.between(day(1), day(15)) => [2, 3],
        Item::OWNER.eq(Uuid::from_u128(2)) => [3],
        Item::OWNER.ne(Uuid::from_u128(2)) => [2, 4],
        Item::OWNER.le(Uuid::from_u128(2)) => [2, 3],
        Item::CODE.eq("") => [2],
        Item::CODE.ne("") => [3, 4],
        Item::CODE.ge("a") => [3, 4],
    );
}

#[tokio::test]
async fn equal_to_none_is_null_and_nothing_is_greater_or_less() {
    let db = items().await;
    keeps!(db,
        Item::QTY.eq(None) => [1],
        Item::QTY.ne(None) => [2, 3, 4],
        Item::QTY.is_null() => [1],
        Item::QTY.is_not_null() => [2, 3, 4],
        Item::MADE.eq(None) => [1],
        Item::OWNER.ne(None) => [2, 3, 4],
        Item::CODE.is_null() => [1],
        Item::QTY.gt(None) => [],
        Item::QTY.ge(None) => [],
        Item::QTY.lt(None) => [],
        Item::QTY.le(None) => [],
        Item::QTY.between(None, 9) => [],
        Item::QTY.between(-9, None) => [],
        // Neither true nor false, so the negation does not hold either.
        !Item::QTY.gt(None) => [],
        !Item::QTY.le(None) => [],
        // 7 <= NULL is unknown, -5 <= -9 is false.
        !Item::QTY.between(1, None) => [2, 3],
    );
}

#[tokio::test]
async fn lists_of_values() {
    let db = items().await;
    keeps!(db,
        Item::ID.in_([4, 2, 99, 2]) => [2, 4],
        Item::ID.not_in([4, 2, 99]) => [1, 3],
        Item::ID.in_([1]) => [1],
        Item::ID.in_([1, 3].iter()) => [1, 3],
        Item::ID.in_(1..=3) => [1, 2, 3],
        Item::NAME.in_(["item 1", "item 3", "x' OR 'a'='a"]) => [1, 3],
        Item::ACTIVE.in_([true, false]) => [1, 2, 3, 4],
        Item::WEIGHT.in_([7.0, 0.5]) => [1, 4],
        Item::MADE.in_([day(1), day(29)]) => [2, 4],
        Item::OWNER.not_in([Uuid::max()]) => [2, 3],
        Item::QTY.in_([0, 7]) => [3, 4],
        Item::QTY.not_in([0, 7]) => [2],
    );
}

#[tokio::test]
async fn empty_lists_hold_for_no_row_and_for_every_row() {
    let db = items().await;
    let none: [Option<i32>; 0] = [];
    keeps!(db,
        Item::ID.in_([0_i64; 0]) => [],
        Item::ID.not_in([0_i64; 0]) => [1, 2, 3, 4],
        Item::QTY.in_(none) => [],
        Item::QTY.not_in(none) => [1, 2, 3, 4],
        !Item::QTY.in_(none) => [1, 2, 3, 4],
        !Item::QTY.not_in(none) => [],
        Filter::all([]) => [1, 2, 3, 4],
        Filter::any([]) => [],
        !Filter::all([]) => [],
        !Filter::any([]) => [1, 2, 3, 4],
    );
}

#[tokio::test]
async fn none_in_a_list_means_null() {
    let db = items().await;
    keeps!(db,
        Item::QTY.in_([Some(0), None]) => [1, 3],
        Item::QTY.in_([None, None::<i32>]) => [1],
        Item::QTY.not_in([Some(0), None]) => [2, 4],
        Item::QTY.not_in([None::<i32>]) => [2, 3, 4],
        !Item::QTY.in_([Some(0), None]) => [2, 4],
        !Item::QTY.not_in([Some(0), None]) => [1, 3],
        !Item::QTY.in_([Some(0)]) => [2, 4],
        !Item::QTY.not_in([Some(0)]) => [3],
    );
}

#[tokio::test]
async fn filters_nest() {
    let db = items().await;
    keeps!(db,
        Item::ACTIVE.eq(true) & Item::ID.gt(2) => [4],
        Item::ACTIVE.eq(true) | Item::ID.eq(3) => [2, 3, 4],
        // Like Rust's own operators, `&` binds tighter than `|`.
        Item::ID.eq(1) | Item::ID.eq(2) & Item::ACTIVE.eq(false) => [1],
        (Item::ID.eq(1) | Item::ID.eq(2)) & Item::ACTIVE.eq(false) => [1],
        (Item::ID.eq(1) | Item::ID.eq(2)) & Item::ACTIVE.eq(true) => [2],
        !(Item::ID.eq(1) | Item::ID.eq(2)) => [3, 4],
        !!Item::ID.eq(1) => [1],
        Filter::all([Item::ID.gt(1), Filter::any([Item::ID.eq(4), !Item::ID.lt(3)])]) => [3, 4],
        Filter::any([]) | Item::ID.eq(1) => [1],
        Filter::any([]) & Item::ID.eq(1) => [],
        Filter::all([]) & Item::ID.eq(1) => [1],
        Filter::all([]) | Item::ID.eq(1) => [1, 2, 3, 4],
    );
}

#[tokio::test]
async fn unknown_is_neither_a_filter_nor_its_negation() {
    let db = items().await;
    keeps!(db,
        !Item::QTY.eq(0) => [2, 4],
        !Item::QTY.gt(-5) => [2],
        !(Item::QTY.eq(0) | Item::ID.eq(1)) => [2, 4],
        // Unknown and false is false, unknown or true is true.
        !(Item::QTY.eq(0) & Item::ID.ne(1)) => [1, 2, 4],
        Item::QTY.eq(0) | Item::ID.eq(1) => [1, 3],
    );
}

#[tokio::test]
async fn several_filters_hold_together_and_absent_ones_do_not_count() {
    let db = items().await;
    let items = Item::repo(db.source());
    let find = items.find().filter(Item::ID.gt(1)).filter(Item::ID.eq(1) | Item::ACTIVE.eq(true));
    assert_eq!(find.clone().count().await.unwrap(), 2);
    assert_eq!(find.clone().filter_opt(None).count().await.unwrap(), 2);
    let name = Some("item 4");
    let find = find.filter_opt(name.map(|name| Item::NAME.eq(name)));
    assert_eq!(find.one().await.unwrap().id, 4);
}

#[tokio::test]
async fn long_lists_and_deep_trees_are_kept_within_the_limits_of_the_database() {
    let db = items().await;
    keeps!(db,
        Item::ID.in_((3..20_000).chain([1])) => [1, 3, 4],
        Item::ID.not_in((3..20_000).chain([1])) => [2],
        Item::NAME.in_((2..3000).map(|i| format!("item {i}"))) => [2, 3, 4],
        Filter::any((3..500).map(|id| Item::ID.eq(id))) => [3, 4],
        Filter::all((3..500).map(|id| Item::ID.ne(id))) => [1, 2],
    );
    let items = Item::repo(db.source());
    let too_many = items.find().filter(Item::ID.in_(0..70_000)).all().await;
    match <DB as kysera::Backend>::DIALECT {
        // One array argument, however long.
        kysera::backend::Dialect::Postgres => assert_eq!(too_many.unwrap().len(), 4),
        _ => assert!(matches!(too_many, Err(kysera::Error::BadRequest(_))), "{too_many:?}"),
    }
    assert_eq!(items.count().await.unwrap(), 4, "the connection is as good as before");
}
