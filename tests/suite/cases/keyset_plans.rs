//! Pages behind a value with NULLs still to come are found by an index, wherever they are.

use kysera::Keyset;
use kysera::prelude::*;
use kysera::query::Plan;
use kysera_tests::{Ddl, Fixture};

use crate::DB;

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "slots")]
pub struct Slot {
    #[kysera(id, assigned)]
    pub id: i64,
    pub rank: Option<i64>,
    pub text: String,
}

const SLOTS: Ddl = Ddl {
    postgres: "CREATE TABLE slots (id BIGINT PRIMARY KEY, rank BIGINT, text TEXT NOT NULL);
        CREATE INDEX slots_rank ON slots (rank, id)",
    mysql: "CREATE TABLE slots (id BIGINT PRIMARY KEY, `rank` BIGINT, text VARCHAR(100) NOT NULL);
        CREATE INDEX slots_rank ON slots (`rank`, id)",
    sqlite: "CREATE TABLE slots (id INTEGER PRIMARY KEY, rank INTEGER, text TEXT NOT NULL);
        CREATE INDEX slots_rank ON slots (rank, id)",
};

const ANALYZE: Ddl =
    Ddl { postgres: "VACUUM ANALYZE slots", mysql: "ANALYZE TABLE slots", sqlite: "ANALYZE slots" };

/// 4000 rows in the order of their ranks, 1000 of which have none.
async fn slots() -> Fixture<DB> {
    let db = Fixture::<DB>::new(&SLOTS).await;
    let row = |id: i64| NewSlot {
        id,
        rank: (id % 4 != 0).then_some(id * 7919 % 1500),
        text: format!("some text to make rows longer than those of the index, {id}"),
    };
    Slot::repo(db.source()).insert_many((0..4000).map(row)).await.unwrap();
    db.execute(<DB as kysera_tests::TestBackend>::pick(&ANALYZE)).await;
    db
}

/// Whether every look into the table begins at a place in an index.
fn is_indexed(plan: &Plan) -> bool {
    let lines = |text: &str| plan.lines().iter().filter(|line| line.contains(text)).count();
    match <DB as sqlx::Database>::NAME {
        "PostgreSQL" => {
            let scans = lines("Index Scan") + lines("Index Only Scan");
            scans > 0 && scans == lines("Index Cond") && lines("Seq Scan") + lines("Bitmap") == 0
        }
        "SQLite" => lines("SEARCH slots") > 0 && lines("SCAN slots") == 0,
        _ => {
            let text = plan.to_string();
            let tables: Vec<_> = text.split("\"table_name\": \"slots\"").skip(1).collect();
            let is_place = |table: &&str| {
                let (_, access) = table.split_once("\"access_type\": \"").expect("MySQL says how");
                access.starts_with("range") || access.starts_with("ref")
            };
            !tables.is_empty() && tables.iter().all(is_place)
        }
    }
}

#[tokio::test]
async fn pages_with_nulls_ahead_are_found_by_an_index() {
    let db = slots().await;
    let slots = Slot::repo(db.source());
    // Where the database puts NULLs by itself, so that the index has the order: one of them goes from values to NULLs, and
    // the other one's way back does.
    let mut orders = vec![(Slot::RANK.asc(), false), (Slot::RANK.desc(), true)];
    // An index of PostgreSQL's says where NULLs are.
    if <DB as sqlx::Database>::NAME != "PostgreSQL" {
        orders.extend([(Slot::RANK.asc().nulls_last(), false), (Slot::RANK.desc().nulls_first(), true)]);
    }
    for (order, descending) in orders {
        let find = || slots.find().order_by(order.clone()).filter(Slot::TEXT.ne("none"));
        let all = find().order_by(if descending { Slot::ID.desc() } else { Slot::ID.asc() });
        let all = all.all().await.unwrap();
        // All of them among values, whether NULLs come first or last; some of them less than a page from NULLs.
        for at in [1005, 1500, 2500, 2995] {
            let keyset = Keyset::first(at as u64).max_rows(u64::MAX);
            let place = find().keyset(keyset).await.unwrap().next;
            for (keyset, expected) in [
                (Keyset::first(20).after(&place), &all[at..at + 20]),
                (Keyset::last(20).before(&place), &all[at - 20..at]),
            ] {
                let page = find().keyset(keyset.clone()).await.unwrap();
                assert_eq!((&page.items[..], page.has_next, page.has_prev), (expected, true, true));
                let plan = find().keyset(keyset).explain().await.unwrap();
                assert!(is_indexed(&plan), "{plan}");
            }
        }
    }
}

#[tokio::test]
async fn filters_that_fit_in_once_but_not_twice_are_not_repeated() {
    let db = slots().await;
    let slots = Slot::repo(db.source());
    let by_rank = || Slot::RANK.asc().nulls_last();
    let place = slots.find().order_by(by_rank()).keyset(Keyset::first(100)).await.unwrap().next;
    // Each value is an argument of its own, but on PostgreSQL.
    let values = if <DB as sqlx::Database>::NAME == "SQLite" { 12_000 } else { 20_000 };
    let some = || slots.find().filter(Slot::ID.in_(0..values)).order_by(by_rank());
    let page = some().keyset(Keyset::first(20).after(&place)).await.unwrap();
    let all = slots.find().order_by(by_rank()).order_by(Slot::ID.asc()).offset(100).limit(20);
    assert_eq!(page.items, all.all().await.unwrap());
    assert!(page.has_prev);
}
