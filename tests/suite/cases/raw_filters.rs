//! Filters in SQL of the user's own.

use kysera::{Error, Filter, Repository};
use kysera_tests::Fixture;
use sqlx::types::Uuid;
use sqlx::types::chrono::NaiveDate;

use super::entities::*;
use crate::DB;

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2024, 1, day).unwrap()
}

async fn filled() -> Fixture<DB> {
    let db = Fixture::<DB>::new(&ITEMS).await;
    let rows = (1..=4).map(|id| NewItem {
        name: ["", "a{}b", "' OR 1=1 --", "$1 ? {}", "plain"][id as usize].into(),
        qty: (id < 4).then_some(id as i32 * 10),
        weight: id as f64 / 2.0,
        active: id % 2 == 0,
        made: Some(day(id as u32)),
        owner: Some(Uuid::from_u128(id as u128)),
        ..item(id)
    });
    Item::repo(db.source()).create_many(rows).await.unwrap();
    db
}

async fn kept(db: &Fixture<DB>, filter: Filter<Item>) -> Vec<i64> {
    let rows = Item::repo(db.source()).find().filter(filter).order_by(Item::ID.asc()).all().await.unwrap();
    rows.into_iter().map(|item| item.id).collect()
}

#[tokio::test]
async fn arguments_are_columns_expressions_and_values() {
    let db = filled().await;
    for (filter, expected) in [
        (Filter::raw("{} + {} > {}", (Item::ID, 1_i64, 2_i64)), vec![2, 3, 4]),
        (Filter::raw("{} = {}", (Item::QTY, 20_i32)), vec![2]),
        (Filter::raw("{} = {}", (Item::QTY.plus(5), 25_i16)), vec![2]),
        (Filter::raw("{} > {}", (Item::WEIGHT, 1.5_f64)), vec![4]),
        (Filter::raw("{} > {}", (Item::WEIGHT, 1.5_f32)), vec![4]),
        (Filter::raw("{} = {}", (Item::ACTIVE, true)), vec![2, 4]),
        (Filter::raw("{} = {}", (Item::NAME, "plain")), vec![4]),
        (Filter::raw("{} = {}", (Item::NAME, String::from("plain"))), vec![4]),
        (Filter::raw("{} >= {}", (Item::MADE, Item::MADE.arg(day(3)))), vec![3, 4]),
        (Filter::raw("{} = {}", (Item::OWNER, Item::OWNER.arg(Uuid::from_u128(3)))), vec![3]),
        (Filter::raw("COALESCE({}, {}) = 40", (Item::QTY.arg(None), Item::QTY.arg(40))), vec![1, 2, 3, 4]),
        (Filter::raw("{} IS NULL", (Item::QTY,)), vec![4]),
        (Filter::raw("{} < {}", [Item::ID, Item::ID]), vec![]),
        (Filter::raw("{} IN ({}, {})", vec![Item::ID.into_arg(), 1_i64.into(), 3_i64.into()]), vec![1, 3]),
        (Filter::raw("1 = 1", ()), vec![1, 2, 3, 4]),
        (Filter::raw("1 = 0", ()), vec![]),
    ] {
        assert_eq!(kept(&db, filter).await, expected);
    }
}

/// A column as one of several arguments of one kind.
trait IntoArg {
    fn into_arg(self) -> kysera::expr::RawArg<Item>;
}

impl IntoArg for kysera::Column<Item, i64> {
    fn into_arg(self) -> kysera::expr::RawArg<Item> {
        self.into()
    }
}

#[tokio::test]
async fn values_are_bound_and_braces_doubled() {
    let db = filled().await;
    let by_name = |name: &'static str| Filter::raw("{} = {}", (Item::NAME, name));
    assert_eq!(kept(&db, by_name("' OR 1=1 --")).await, [2]);
    assert_eq!(kept(&db, by_name("') OR (1=1")).await, [0_i64; 0]);
    assert_eq!(kept(&db, by_name("$1 ? {}")).await, [3]);
    assert_eq!(kept(&db, Filter::raw("{} = 'a{{}}b'", (Item::NAME,))).await, [1]);
    assert_eq!(kept(&db, Filter::raw("{} LIKE '%{{}}%'", (Item::NAME,))).await, [1, 3]);
    assert_eq!(kept(&db, Filter::raw("{} = {}", (Item::NAME, "a{}b"))).await, [1]);
}

#[tokio::test]
async fn they_combine_with_all_else() {
    let db = filled().await;
    let either = || Filter::raw("{} = {} OR {} = {}", (Item::ID, 1_i64, Item::ID, 4_i64));
    assert_eq!(kept(&db, either()).await, [1, 4]);
    assert_eq!(kept(&db, !either()).await, [2, 3]);
    assert_eq!(kept(&db, either() & Item::ACTIVE.eq(true)).await, [4]);
    assert_eq!(kept(&db, Item::ACTIVE.eq(true) & either()).await, [4]);
    assert_eq!(kept(&db, either() | Item::ID.eq(3)).await, [1, 3, 4]);
    assert_eq!(kept(&db, !(either() | !Filter::raw("{} > {}", (Item::ID, 2_i64)))).await, [3]);
    // Neither true nor false.
    let unknown = || Filter::raw("{} > {}", (Item::QTY, 15_i32));
    assert_eq!(kept(&db, !unknown()).await, [1]);
    assert_eq!(kept(&db, unknown() | !unknown()).await, [1, 2, 3]);

    let next = "EXISTS (SELECT 1 FROM items other WHERE other.id = {} + 1 AND other.name <> {})";
    assert_eq!(kept(&db, Filter::raw(next, (Item::ID, "plain"))).await, [1, 2]);
    assert_eq!(kept(&db, !Filter::raw(next, (Item::ID, "plain"))).await, [3, 4]);
    let items = Item::repo(db.source());
    assert_eq!(items.find().filter(unknown()).update(ItemPatch::new().name("new")).await.unwrap(), 2);
    assert_eq!(items.find().filter(unknown()).count().await.unwrap(), 2);
    assert!(items.find().filter(either()).exists().await.unwrap());
    assert_eq!(items.find().filter(either()).delete().await.unwrap(), 2);
    assert_eq!(kept(&db, Item::NAME.eq("new")).await, [2, 3]);
}

#[tokio::test]
async fn a_number_of_arguments_that_does_not_fit_is_refused_before_anything_is_sent() {
    let db = filled().await;
    let items = Item::repo(db.source());
    for filter in [
        Filter::raw("{} = {}", (Item::ID,)),
        Filter::raw("{}", (Item::ACTIVE, true)),
        Filter::raw("1 = 1", [1_i64]),
        Filter::raw("{} = 1", ()),
        Filter::raw("{id} = 1", (Item::ID,)),
        Filter::raw("{ } = 1", (Item::ID,)),
        Filter::raw("{0} = 1", (Item::ID,)),
        Filter::raw("{", ()),
        Filter::raw("}", ()),
        Filter::raw("{é", ()),
        Filter::raw("{}}", (Item::ACTIVE,)),
        Filter::raw("{{}", (Item::ACTIVE,)),
    ] {
        for filter in [filter.clone(), !filter.clone(), Item::ID.eq(1) | filter] {
            let error = items.find().filter(filter.clone()).delete().await.unwrap_err();
            assert!(matches!(error, Error::BadRequest(_)), "{error:?}");
            let error = items.find().filter(filter).all().await.unwrap_err();
            assert!(matches!(error, Error::BadRequest(_)), "{error:?}");
        }
    }
    assert_eq!(items.count().await.unwrap(), 4);
}
