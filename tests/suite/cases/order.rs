//! Orders, limits, and the ways in which a query ends.

use futures_util::TryStreamExt;
use kysera::{Error, Repository};
use kysera_tests::{Fixture, TestSource};

use super::entities::*;
use crate::DB;

/// Quantities 3, NULL, 1, 3, NULL, 2 for ids 1 to 6; odd ids are active.
async fn items() -> Fixture<DB> {
    let db = Fixture::<DB>::new(&ITEMS).await;
    let rows = (1..).zip([Some(3), None, Some(1), Some(3), None, Some(2)]).map(|(id, qty)| NewItem {
        qty,
        active: id % 2 == 1,
        ..item(id)
    });
    Item::repo(db.source()).create_many(rows).await.unwrap();
    db
}

async fn ids(source: &TestSource<DB>, limit: Option<u64>, offset: Option<u64>) -> Vec<i64> {
    let items = Item::repo(source);
    let mut find = items.find().order_by(Item::ID.asc());
    if let Some(limit) = limit {
        find = find.limit(limit);
    }
    if let Some(offset) = offset {
        find = find.offset(offset);
    }
    find.all().await.unwrap().into_iter().map(|item| item.id).collect()
}

#[tokio::test]
async fn nulls_stand_where_they_are_put() {
    let db = items().await;
    let items = Item::repo(db.source());
    let orders = [
        (Item::QTY.asc().nulls_first(), [2, 5, 3, 6, 1, 4]),
        (Item::QTY.asc().nulls_last(), [3, 6, 1, 4, 2, 5]),
        (Item::QTY.desc().nulls_first(), [2, 5, 1, 4, 6, 3]),
        (Item::QTY.desc().nulls_last(), [1, 4, 6, 3, 2, 5]),
    ];
    for (order, expected) in orders {
        let rows = items.find().order_by(order).order_by(Item::ID.asc()).all().await.unwrap();
        assert_eq!(rows.iter().map(|item| item.id).collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn later_orders_break_the_ties_of_earlier_ones() {
    let db = items().await;
    let items = Item::repo(db.source());
    let find = items.find().order_by(Item::ACTIVE.desc()).order_by(Item::QTY.asc().nulls_last());
    let rows = find.order_by(Item::ID.desc()).all().await.unwrap();
    assert_eq!(rows.iter().map(|item| item.id).collect::<Vec<_>>(), [3, 1, 5, 6, 4, 2]);
    let rows = items.find().order_by(Item::NAME.desc()).all().await.unwrap();
    assert_eq!(rows.iter().map(|item| item.id).collect::<Vec<_>>(), [6, 5, 4, 3, 2, 1]);
}

#[tokio::test]
async fn limits_and_offsets_of_any_size() {
    let db = items().await;
    let cases: [(Option<u64>, Option<u64>, &[i64]); 11] = [
        (Some(2), None, &[1, 2]),
        (Some(2), Some(3), &[4, 5]),
        (None, Some(4), &[5, 6]),
        (Some(0), None, &[]),
        (Some(0), Some(3), &[]),
        (Some(3), Some(0), &[1, 2, 3]),
        (Some(9), Some(5), &[6]),
        (None, Some(6), &[]),
        (Some(u64::MAX), None, &[1, 2, 3, 4, 5, 6]),
        (Some(u64::MAX), Some(4), &[5, 6]),
        (None, Some(u64::MAX), &[]),
    ];
    for (limit, offset, expected) in cases {
        assert_eq!(ids(db.source(), limit, offset).await, expected, "{limit:?} {offset:?}");
    }
}

#[tokio::test]
async fn first_is_the_first_row_or_none() {
    let db = items().await;
    let items = Item::repo(db.source());
    let find = items.find().order_by(Item::ID.desc());
    assert_eq!(find.clone().first().await.unwrap().unwrap().id, 6);
    assert_eq!(find.clone().offset(2).first().await.unwrap().unwrap().id, 4);
    assert_eq!(find.clone().limit(0).first().await.unwrap(), None);
    assert_eq!(find.filter(Item::ID.gt(9)).first().await.unwrap(), None);
}

#[tokio::test]
async fn one_is_the_only_row() {
    let db = items().await;
    let items = Item::repo(db.source());
    assert_eq!(items.find().filter(Item::QTY.eq(2)).one().await.unwrap().id, 6);
    let none = items.find().filter(Item::QTY.eq(9)).one().await.unwrap_err();
    assert!(matches!(none, Error::NotFound { entity: "Item" }), "{none:?}");
    for filter in [Item::QTY.eq(3), Item::ID.gt(0)] {
        let several = items.find().filter(filter).one().await.unwrap_err();
        assert!(matches!(several, Error::MoreThanOne { entity: "Item" }), "{several:?}");
    }
    assert_eq!(items.find().order_by(Item::ID.asc()).limit(1).one().await.unwrap().id, 1);
    let none = items.find().limit(0).one().await.unwrap_err();
    assert!(none.is_not_found(), "{none:?}");
}

#[tokio::test]
async fn counting_passes_over_limit_and_offset_and_keeps_the_filter() {
    let db = items().await;
    let items = Item::repo(db.source());
    let find = items.find().filter(Item::ID.gt(1)).order_by(Item::ID.asc()).limit(2).offset(4);
    assert_eq!(find.clone().all().await.unwrap().len(), 1);
    assert_eq!(find.count().await.unwrap(), 5);
}

#[tokio::test]
async fn exists_asks_for_one_row_of_the_query() {
    let db = items().await;
    let items = Item::repo(db.source());
    assert!(items.find().exists().await.unwrap());
    assert!(items.find().filter(Item::QTY.is_null()).exists().await.unwrap());
    assert!(!items.find().filter(Item::QTY.eq(9)).exists().await.unwrap());
    assert!(!items.find().limit(0).exists().await.unwrap());
    assert!(items.find().offset(5).exists().await.unwrap());
    assert!(!items.find().offset(6).exists().await.unwrap());
}

#[tokio::test]
async fn a_stream_yields_the_rows_one_by_one() {
    let db = items().await;
    let items = Item::repo(db.source());
    let find = items.find().filter(Item::ID.ne(2)).order_by(Item::ID.desc()).limit(3).offset(1);
    let streamed: Vec<Item> = find.clone().stream().try_collect().await.unwrap();
    assert_eq!(streamed.iter().map(|item| item.id).collect::<Vec<_>>(), [5, 4, 3]);
    assert_eq!(find.all().await.unwrap(), streamed);
}

#[tokio::test]
async fn a_stream_that_is_dropped_early_gives_its_connection_back() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    users.insert_many(crowd(20_000)).await.unwrap();
    // The fixture has one connection.
    for read in [0, 1, 700] {
        let mut rows = users.find().order_by(User::ID.asc()).stream();
        for i in 0..read {
            assert_eq!(rows.try_next().await.unwrap().unwrap().email, format!("u{i}@x"));
        }
        drop(rows);
        assert_eq!(users.count().await.unwrap(), 20_000);
    }
}

#[tokio::test]
async fn the_error_of_a_stream_is_its_last_item_and_the_connection_is_usable() {
    let db = Fixture::<DB>::new(&kysera_tests::Ddl::NONE).await;
    let users = User::repo(db.source());
    let mut rows = users.find().stream();
    rows.try_next().await.unwrap_err();
    assert!(rows.try_next().await.unwrap().is_none());
    drop(rows);
    db.execute(<DB as kysera_tests::TestBackend>::pick(&USERS)).await;
    assert_eq!(users.count().await.unwrap(), 0);
}
