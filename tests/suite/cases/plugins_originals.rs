//! What kysera's forerunner got wrong about plugins, each with a test that it stays right here. Most of it is tested elsewhere
//! in passing; here it is called by its name.

use kysera::plugin::{AuditEntry, AuditMethods, AuditTable, Operation, SoftDeleteMethods, TimestampMethods};
use kysera::prelude::*;
use kysera_tests::{Ddl, Fixture};

use super::plugins_entities::{Hands, seconds};
use crate::DB;

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera::plugin(soft_delete, audit)]
#[kysera(table = "shops", has_many(items = Item::SHOP_ID))]
struct Shop {
    #[kysera(id, assigned)]
    id: i64,
    name: String,
    deleted_at: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera::plugin(soft_delete, timestamps, audit)]
#[kysera(table = "items")]
struct Item {
    #[kysera(id, assigned)]
    id: i64,
    #[kysera(belongs_to(shop = Shop::ID))]
    shop_id: i64,
    price: i64,
    created_at: i64,
    updated_at: i64,
    deleted_at: Option<i64>,
}

/// Audited, and removed where it is deleted.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera::plugin(audit)]
#[kysera(table = "plain")]
struct Plain {
    #[kysera(id, assigned)]
    id: i64,
    note: String,
}

const DDL: Ddl = Ddl {
    postgres: "CREATE TABLE shops (id BIGINT PRIMARY KEY, name TEXT NOT NULL, deleted_at BIGINT);
        CREATE TABLE items (id BIGINT PRIMARY KEY, shop_id BIGINT NOT NULL, price BIGINT NOT NULL, created_at BIGINT NOT NULL,
            updated_at BIGINT NOT NULL, deleted_at BIGINT);
        CREATE TABLE plain (id BIGINT PRIMARY KEY, note TEXT NOT NULL)",
    mysql: "CREATE TABLE shops (id BIGINT PRIMARY KEY, name VARCHAR(50) NOT NULL, deleted_at BIGINT);
        CREATE TABLE items (id BIGINT PRIMARY KEY, shop_id BIGINT NOT NULL, price BIGINT NOT NULL, created_at BIGINT NOT NULL,
            updated_at BIGINT NOT NULL, deleted_at BIGINT);
        CREATE TABLE plain (id BIGINT PRIMARY KEY, note VARCHAR(50) NOT NULL)",
    sqlite: "CREATE TABLE shops (id INTEGER PRIMARY KEY, name TEXT NOT NULL, deleted_at INTEGER);
        CREATE TABLE items (id INTEGER PRIMARY KEY, shop_id INTEGER NOT NULL, price INTEGER NOT NULL, created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL, deleted_at INTEGER);
        CREATE TABLE plain (id INTEGER PRIMARY KEY, note TEXT NOT NULL)",
};

async fn shops() -> (Fixture<DB>, Db<DB>, Hands) {
    let db = Fixture::<DB>::new(&DDL).await;
    AuditTable::new("audit_logs").create(db.source()).await.unwrap();
    let hands = Hands::new();
    let source = hands.of(db.source());
    let shop = |id| NewShop { id, name: format!("shop {id}") };
    Shop::repo(&source).create_many([shop(1), shop(2)]).await.unwrap();
    let items = (1..=6).map(|id| NewItem { id, shop_id: 1 + id % 2, price: 10 * id });
    Item::repo(&source).create_many(items).await.unwrap();
    hands.forward();
    (db, source, hands)
}

/// The entries about one table: operation and key, the oldest first.
async fn log(source: &Db<DB>, table: &str) -> Vec<(Operation, String)> {
    let log = AuditTable::new("audit_logs");
    let entries = log.entries(source).filter(AuditEntry::TABLE_NAME.eq(table)).order_by(AuditEntry::ID.asc());
    entries.all().await.unwrap().into_iter().map(|entry| (entry.operation, entry.entity_id)).collect()
}

#[tokio::test]
async fn joins_do_not_leak_deleted_rows() {
    let (_db, source, _) = shops().await;
    Shop::repo(&source).delete(1).await.unwrap();
    let items = Item::repo(&source);
    let joined = items.find().join(Item::SHOP).all().await.unwrap();
    assert_eq!(joined.len(), 3);
    assert!(joined.iter().all(|(_, shop)| shop.id == 2));
    let left = items.find().left_join(Item::SHOP).all().await.unwrap();
    assert_eq!((left.len(), left.iter().filter(|(_, shop)| shop.is_none()).count()), (6, 3));
}

#[tokio::test]
async fn sub_queries_and_aliases_do_not_leak_deleted_rows() {
    let (_db, source, _) = shops().await;
    let shops = Shop::repo(&source);
    Item::repo(&source).find().filter(Item::PRICE.gt(10)).delete().await.unwrap();
    let dear = shops.find().filter(Shop::ITEMS.any(Item::PRICE.gt(10)));
    assert_eq!(dear.count().await.unwrap(), 0);
    let counts = shops.find().order_by(Shop::ID.asc()).select(Shop::ITEMS.count()).all().await.unwrap();
    assert_eq!(counts, [0, 1]);
    // The same table twice, under another name.
    let neighbours = Item::SHOP.any(Shop::ITEMS.any(Item::PRICE.gt(10)));
    assert_eq!(Item::repo(&source).find().filter(neighbours).count().await.unwrap(), 0);
}

/// There, tables of the log lacked the column that the plugin asked for.
#[tokio::test]
async fn the_log_of_an_entity_with_soft_delete_can_be_read() {
    let (_db, source, _) = shops().await;
    let shops = Shop::repo(&source);
    shops.delete(1).await.unwrap();
    let entries = shops.audit_log().all().await.unwrap();
    assert_eq!(entries.len(), 3);
}

#[tokio::test]
async fn every_operation_of_soft_delete_is_audited() {
    let (_db, source, hands) = shops().await;
    let shops = Shop::repo(&source);
    let mut wanted = log(&source, "shops").await;
    let mut step = async |operation, ids: &[i64]| {
        hands.forward();
        wanted.extend(ids.iter().map(|id| (operation, id.to_string())));
        assert_eq!(log(&source, "shops").await, wanted);
    };
    shops.delete(1).await.unwrap();
    step(Operation::Delete, &[1]).await;
    shops.restore(1).await.unwrap();
    step(Operation::Restore, &[1]).await;
    shops.delete_many([1_i64, 2]).await.unwrap();
    step(Operation::Delete, &[1, 2]).await;
    shops.restore_many([1_i64, 2]).await.unwrap();
    step(Operation::Restore, &[1, 2]).await;
    shops.find().delete().await.unwrap();
    step(Operation::Delete, &[1, 2]).await;
    shops.find().restore().await.unwrap();
    step(Operation::Restore, &[1, 2]).await;
    shops.purge(1).await.unwrap();
    step(Operation::Purge, &[1]).await;
    shops.purge_many([2_i64]).await.unwrap();
    step(Operation::Purge, &[2]).await;
}

#[tokio::test]
async fn nothing_is_logged_that_did_not_happen() {
    let (_db, source, _) = shops().await;
    let (shops, plain) = (Shop::repo(&source), Plain::repo(&source));
    plain.create(NewPlain { id: 1, note: "x".into() }).await.unwrap();
    let before = (log(&source, "shops").await, log(&source, "plain").await);
    assert!(!plain.delete(99).await.unwrap());
    assert_eq!(plain.delete_many([98_i64, 99]).await.unwrap(), 0);
    assert!(!shops.delete(99).await.unwrap());
    assert_eq!(shops.find().filter(Shop::ID.gt(9)).delete().await.unwrap(), 0);
    shops.restore(1).await.unwrap_err();
    assert!(!shops.purge(99).await.unwrap());
    plain.update(1, PlainPatch::new().note("x")).await.unwrap();
    plain.update(99, PlainPatch::new().note("y")).await.unwrap_err();
    plain.create(NewPlain { id: 1, note: "y".into() }).await.unwrap_err();
    let tx = source.begin().await.unwrap();
    Shop::repo(&tx).delete(1).await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!((log(&source, "shops").await, log(&source, "plain").await), before);
    shops.delete(1).await.unwrap();
    assert!(!shops.delete(1).await.unwrap());
    assert_eq!(log(&source, "shops").await.len(), before.0.len() + 1);
}

/// Within one moment of the clock as well.
#[tokio::test]
async fn the_order_of_the_log_is_that_of_the_operations() {
    let (_db, source, _) = shops().await;
    let plain = Plain::repo(&source);
    plain.create(NewPlain { id: 1, note: "0".into() }).await.unwrap();
    for n in 1..=30 {
        plain.update(1, PlainPatch::new().note(n.to_string())).await.unwrap();
    }
    let log = plain.audit_log().order_by(AuditEntry::ID.asc()).all().await.unwrap();
    let notes: Vec<_> =
        log.iter().map(|entry| entry.new_value("note").unwrap().as_str().unwrap().to_owned()).collect();
    assert_eq!(notes, (0..=30).map(|n| n.to_string()).collect::<Vec<_>>());
    assert!(log.windows(2).all(|pair| pair[0].new_value("note") == pair[1].old_value("note")));
    assert!(log.iter().all(|entry| entry.changed_at == log[0].changed_at));
}

#[tokio::test]
async fn bulk_methods_write_timestamps() {
    let (_db, source, hands) = shops().await;
    let items = Item::repo(&source);
    let times = async || -> Vec<(i64, i64)> {
        let find = items.find().order_by(Item::ID.asc());
        find.select((Item::CREATED_AT, Item::UPDATED_AT)).all().await.unwrap()
    };
    let first = times().await[0].0;
    assert!(times().await.iter().all(|times| *times == (first, first)));
    let now = seconds(hands.forward());
    items.update_many((1..=6).map(|id| (id, ItemPatch::new().price(1)))).await.unwrap();
    assert_eq!(times().await, [(first, now); 6]);
    let now = seconds(hands.forward());
    items.upsert_many((1..=6).map(|id| NewItem { id, shop_id: 1, price: 2 }), Item::ID).await.unwrap();
    assert_eq!(times().await, [(first, now); 6]);
    let now = seconds(hands.forward());
    items.find().update(ItemPatch::new().price(3)).await.unwrap();
    assert_eq!(times().await, [(first, now); 6]);
    let now = seconds(hands.forward());
    items.insert_many((7..=8).map(|id| NewItem { id, shop_id: 1, price: 2 })).await.unwrap();
    assert_eq!(times().await[6..], [(now, now); 2]);
    let now = seconds(hands.forward());
    items.touch_many(1..=8_i64).await.unwrap();
    assert!(times().await.iter().all(|times| times.1 == now));
}

#[tokio::test]
async fn unix_times_can_be_searched() {
    let (_db, source, hands) = shops().await;
    let items = Item::repo(&source);
    let before = seconds(hands.now()) - 1;
    let now = seconds(hands.forward());
    items.touch_many([1_i64, 2]).await.unwrap();
    items.delete(3).await.unwrap();
    assert_eq!(items.find().filter(Item::UPDATED_AT.gt(before)).count().await.unwrap(), 2);
    assert_eq!(items.find().filter(Item::UPDATED_AT.between(now, now)).count().await.unwrap(), 2);
    assert_eq!(items.find().filter(Item::CREATED_AT.le(before)).count().await.unwrap(), 5);
    assert_eq!(
        items.find().order_by(Item::UPDATED_AT.desc()).limit(2).select(Item::ID).all().await.unwrap().len(),
        2
    );
    assert_eq!(items.find().only_deleted().filter(Item::DELETED_AT.eq(now)).count().await.unwrap(), 1);
}

/// There, a test of that name asserted that a part of the rows was deleted.
#[tokio::test]
async fn a_bulk_delete_passes_over_keys_without_a_row() {
    let (_db, source, _) = shops().await;
    assert_eq!(Item::repo(&source).delete_many([1_i64, 99, 2]).await.unwrap(), 2);
    assert_eq!(Item::repo(&source).count().await.unwrap(), 4);
}
