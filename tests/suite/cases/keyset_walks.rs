//! Walks through all pages meet every row once, in order, whatever the order, the rows and the size of the pages.

use kysera::expr::Order;
use kysera::prelude::*;
use kysera::{Cursor, Keyset, KeysetPage};
use kysera_tests::{Ddl, Fixture};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRng, TestRunner};

use crate::DB;

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "walks")]
pub struct Walk {
    #[kysera(id, assigned)]
    pub id: i64,
    pub number: Option<i64>,
    pub float: Option<f64>,
    pub text: Option<String>,
    pub small: i32,
}

const WALKS: Ddl = Ddl {
    postgres: r#"CREATE TABLE walks (id BIGINT PRIMARY KEY, number BIGINT, "float" DOUBLE PRECISION, text TEXT, small INT NOT NULL)"#,
    mysql: "CREATE TABLE walks (id BIGINT PRIMARY KEY, number BIGINT, `float` DOUBLE, text VARCHAR(50), small INT NOT NULL)",
    sqlite: r#"CREATE TABLE walks (id INTEGER PRIMARY KEY, number INTEGER, "float" REAL, text TEXT COLLATE NOCASE, small INTEGER NOT NULL)"#,
};

/// Where NULLs are put; `None` leaves it to the database.
const PLACES: [Option<bool>; 3] = [None, Some(true), Some(false)];

fn ordered(column: usize, descending: bool, nulls_first: Option<bool>) -> Order<Walk> {
    macro_rules! directed {
        ($column:expr) => {
            if descending { $column.desc() } else { $column.asc() }
        };
    }
    let order = match column {
        0 => directed!(Walk::NUMBER),
        1 => directed!(Walk::FLOAT),
        2 => directed!(Walk::TEXT),
        3 => directed!(Walk::SMALL),
        _ => directed!(Walk::ID),
    };
    match nulls_first {
        None => order,
        Some(true) => order.nulls_first(),
        Some(false) => order.nulls_last(),
    }
}

/// An order, and whether its last key descends.
type Case = (Vec<Order<Walk>>, bool);

/// Every combination of directions and places of NULLs over so many columns.
fn cases(columns: &[usize]) -> Vec<Case> {
    let mut cases: Vec<Case> = vec![(Vec::new(), false)];
    for column in columns {
        let mut longer = Vec::new();
        for (order, _) in &cases {
            // Three columns with three places each would be many; among other columns, those without NULLs have no places.
            let places = match columns.len() {
                1 => 0..3,
                _ if *column > 2 => 0..1,
                2 => 0..3,
                _ => 1..3,
            };
            for descending in [false, true] {
                for place in &PLACES[places.clone()] {
                    let mut order = order.clone();
                    order.push(ordered(*column, descending, *place));
                    longer.push((order, descending));
                }
            }
        }
        cases = longer;
    }
    cases
}

fn row() -> impl Strategy<Value = (Option<i64>, Option<f64>, Option<&'static str>, i32)> {
    let numbers = vec![None, Some(i64::MIN), Some(i64::MAX), Some(0), Some(1), Some(9_007_199_254_740_993)];
    let floats =
        vec![None, Some(f64::MIN), Some(f64::MAX), Some(0.0), Some(0.1), Some(0.1 + 0.2), Some(2.5e-300)];
    // Ties of some collations, and no ties of others.
    let texts = vec![
        None,
        Some(""),
        Some("a"),
        Some("A"),
        Some("á"),
        Some("b"),
        Some("日本"),
        Some("🦀"),
        Some("'\""),
    ];
    let pick = prop::sample::select::<Option<i64>>;
    (pick(numbers), prop::sample::select(floats), prop::sample::select(texts), 0..3)
}

/// The same rows in every run.
fn rows(n: usize) -> Vec<NewWalk> {
    let config = Config { failure_persistence: None, ..Config::default() };
    let mut runner =
        TestRunner::new_with_rng(config.clone(), TestRng::deterministic_rng(config.rng_algorithm));
    let rows = prop::collection::vec(row(), n).new_tree(&mut runner).unwrap().current();
    let rows = (0..).zip(rows).map(|(id, (number, float, text, small))| NewWalk {
        id: id * 7 % 100,
        number,
        float,
        text: text.map(String::from),
        small,
    });
    rows.collect()
}

async fn page(db: &Fixture<DB>, order: &[Order<Walk>], keyset: Keyset) -> KeysetPage<Walk> {
    let walks = Walk::repo(db.source());
    walks.find().order_by_all(order.iter().cloned()).keyset(keyset).await.unwrap()
}

/// All rows, sorted by the database.
async fn sorted(db: &Fixture<DB>, (order, descending): &Case) -> Vec<Walk> {
    let walks = Walk::repo(db.source());
    let find = walks.find().order_by_all(order.iter().cloned());
    find.order_by(if *descending { Walk::ID.desc() } else { Walk::ID.asc() }).all().await.unwrap()
}

async fn walk(db: &Fixture<DB>, case: &Case, size: usize) {
    let order = &case.0;
    let rows = sorted(db, case).await;
    let mut forward: Vec<KeysetPage<Walk>> = Vec::new();
    let mut place: Option<Cursor> = None;
    for expected in rows.chunks(size) {
        let page = page(db, order, Keyset::first(size as u64).after(&place)).await;
        assert_eq!(page.items, expected);
        assert_eq!(page.has_prev, !forward.is_empty());
        assert_eq!((page.next.is_some(), page.prev.is_some()), (page.has_next, page.has_prev));
        place = page.next.clone();
        forward.push(page);
    }
    assert_eq!(place, None);
    // Back from each page to the one before it.
    for pair in forward.windows(2) {
        let back = page(db, order, Keyset::last(size as u64).before(&pair[1].prev)).await;
        assert_eq!(back, pair[0]);
    }
    // Back from the end. In pages of one row that is the same again, but for the first step.
    let pages = if size == 1 { 1 } else { usize::MAX };
    let mut place: Option<Cursor> = None;
    let mut seen = 0;
    for expected in rows.rchunks(size).take(pages) {
        let page = page(db, order, Keyset::last(size as u64).before(&place)).await;
        assert_eq!(page.items, expected);
        assert_eq!(page.has_next, seen > 0);
        seen += page.items.len();
        place = page.prev;
    }
    assert_eq!(place.is_some(), seen < rows.len());
}

/// Every walk over these columns.
async fn walks(columns: &[&[usize]]) {
    let db = Fixture::<DB>::new(&WALKS).await;
    Walk::repo(db.source()).create_many(rows(23)).await.unwrap();
    for columns in columns {
        for case in cases(columns) {
            for size in [1, 3, 50] {
                walk(&db, &case, size).await;
            }
        }
    }
}

// Several tests, which run side by side.

#[tokio::test]
async fn walks_over_one_column_meet_every_row_once_and_in_order() {
    walks(&[&[4], &[0], &[1], &[2], &[3]]).await;
}

#[tokio::test]
async fn walks_over_two_columns_with_nulls_do() {
    walks(&[&[0, 2], &[3, 1]]).await;
}

#[tokio::test]
async fn walks_with_the_key_among_their_columns_do() {
    walks(&[&[2, 4], &[0, 4, 1]]).await;
}

#[tokio::test]
async fn walks_over_three_columns_in_every_direction() {
    let db = Fixture::<DB>::new(&WALKS).await;
    Walk::repo(db.source()).create_many(rows(19)).await.unwrap();
    for case in cases(&[3, 0, 2]) {
        for size in [1, 3, 50] {
            walk(&db, &case, size).await;
        }
    }
    // All of them with NULLs.
    for case in cases(&[0, 1, 2]) {
        walk(&db, &case, 3).await;
    }
}

#[tokio::test]
async fn rows_that_come_and_go_behind_a_walk_do_not_shift_it() {
    let db = Fixture::<DB>::new(&WALKS).await;
    let walks = Walk::repo(db.source());
    // Every other one or so, as each writes a lot.
    for case in cases(&[0, 2]).into_iter().step_by(5) {
        walks.find().delete().await.unwrap();
        walks.create_many(rows(17)).await.unwrap();
        let (order, descending) = &case;
        let expected = sorted(&db, &case).await;
        let mut walked = Vec::new();
        let mut place: Option<Cursor> = None;
        loop {
            let page = page(&db, order, Keyset::first(3).after(&place)).await;
            // Those seen are replaced by ties of theirs, which come before them.
            for row in &page.items {
                walks.delete(row.id).await.unwrap();
                let id = if *descending { row.id + 1000 } else { row.id - 1000 };
                let Walk { number, float, text, small, .. } = row.clone();
                walks.create(NewWalk { id, number, float, text, small }).await.unwrap();
            }
            walked.extend(page.items);
            place = page.next;
            if place.is_none() {
                break;
            }
        }
        assert_eq!(walked, expected);
    }
}
