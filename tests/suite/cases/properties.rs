//! Random filters keep the rows that the same filters keep in Rust, on every database.

use std::future::Future;

use kysera::{Filter, Repository};
use kysera_tests::Fixture;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRng, TestRunner};

use super::entities::*;
use crate::DB;

/// The same cases in every run.
fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let algorithm = config.rng_algorithm;
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(algorithm))
}

fn block_on<F: Future>(future: impl FnOnce() -> F) -> (tokio::runtime::Runtime, F::Output) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let out = runtime.block_on(future());
    (runtime, out)
}

async fn kept(db: &Fixture<DB>, filter: Filter<Item>) -> Vec<i64> {
    let items = Item::repo(db.source());
    let rows = items.find().filter(filter).order_by(Item::ID.asc()).all().await.unwrap();
    rows.into_iter().map(|item| item.id).collect()
}

#[derive(Debug, Clone, Copy)]
enum Op {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

/// A filter that can be asked for and evaluated.
#[derive(Debug, Clone)]
enum Tree {
    Id(Op, i64),
    Active(Op, bool),
    Qty(Op, Option<i32>),
    Code(Op, Option<&'static str>),
    QtyIn(Vec<Option<i32>>, bool),
    NameIn(Vec<&'static str>, bool),
    CodeIsNull(bool),
    Contains(&'static str),
    StartsWith(&'static str),
    EndsWith(&'static str),
    Between(i32, i32),
    Not(Box<Tree>),
    And(Box<Tree>, Box<Tree>),
    Or(Box<Tree>, Box<Tree>),
    All(Vec<Tree>),
    Any(Vec<Tree>),
}

const TEXTS: [&str; 12] = ["", "a", "b", "ab", "ba", "A", "%", "_", "\\", "!a", "[a]", "é'"];

fn tree() -> impl Strategy<Value = Tree> {
    let op = || prop::sample::select(vec![Op::Eq, Op::Ne, Op::Gt, Op::Ge, Op::Lt, Op::Le]);
    let text = || prop::sample::select(TEXTS.to_vec());
    let qty = || prop::option::of(-2..3);
    let leaf = prop_oneof![
        (op(), -1_i64..40).prop_map(|(op, id)| Tree::Id(op, id)),
        (op(), any::<bool>()).prop_map(|(op, active)| Tree::Active(op, active)),
        (op(), qty()).prop_map(|(op, qty)| Tree::Qty(op, qty)),
        (op(), prop::option::of(text())).prop_map(|(op, code)| Tree::Code(op, code)),
        (prop::collection::vec(qty(), 0..5), any::<bool>()).prop_map(|(list, not)| Tree::QtyIn(list, not)),
        (prop::collection::vec(text(), 0..5), any::<bool>()).prop_map(|(list, not)| Tree::NameIn(list, not)),
        any::<bool>().prop_map(Tree::CodeIsNull),
        text().prop_map(Tree::Contains),
        text().prop_map(Tree::StartsWith),
        text().prop_map(Tree::EndsWith),
        (-2..3, -2..3).prop_map(|(low, high)| Tree::Between(low, high)),
    ];
    leaf.prop_recursive(5, 40, 4, |tree| {
        prop_oneof![
            tree.clone().prop_map(|tree| Tree::Not(tree.into())),
            (tree.clone(), tree.clone()).prop_map(|(a, b)| Tree::And(a.into(), b.into())),
            (tree.clone(), tree.clone()).prop_map(|(a, b)| Tree::Or(a.into(), b.into())),
            prop::collection::vec(tree.clone(), 0..4).prop_map(Tree::All),
            prop::collection::vec(tree, 0..4).prop_map(Tree::Any),
        ]
    })
}

macro_rules! compare {
    ($column:expr, $op:expr, $value:expr) => {
        match $op {
            Op::Eq => $column.eq($value),
            Op::Ne => $column.ne($value),
            Op::Gt => $column.gt($value),
            Op::Ge => $column.ge($value),
            Op::Lt => $column.lt($value),
            Op::Le => $column.le($value),
        }
    };
}

fn filter(tree: &Tree) -> Filter<Item> {
    match tree {
        Tree::Id(op, id) => compare!(Item::ID, op, *id),
        Tree::Active(op, active) => compare!(Item::ACTIVE, op, *active),
        Tree::Qty(op, qty) => compare!(Item::QTY, op, *qty),
        Tree::Code(op, code) => compare!(Item::CODE, op, code.map(String::from)),
        Tree::QtyIn(list, false) => Item::QTY.in_(list),
        Tree::QtyIn(list, true) => Item::QTY.not_in(list),
        Tree::NameIn(list, false) => Item::NAME.in_(list.iter().copied()),
        Tree::NameIn(list, true) => Item::NAME.not_in(list.iter().copied()),
        Tree::CodeIsNull(true) => Item::CODE.is_null(),
        Tree::CodeIsNull(false) => Item::CODE.is_not_null(),
        Tree::Contains(text) => Item::CODE.contains(*text),
        Tree::StartsWith(text) => Item::CODE.starts_with(*text),
        Tree::EndsWith(text) => Item::CODE.ends_with(*text),
        Tree::Between(low, high) => Item::QTY.between(*low, *high),
        Tree::Not(tree) => !filter(tree),
        Tree::And(a, b) => filter(a) & filter(b),
        Tree::Or(a, b) => filter(a) | filter(b),
        Tree::All(trees) => Filter::all(trees.iter().map(filter)),
        Tree::Any(trees) => Filter::any(trees.iter().map(filter)),
    }
}

/// True, false, or unknown.
fn holds(tree: &Tree, row: &Item) -> Option<bool> {
    let text = |test: &dyn Fn(&str) -> bool| row.code.as_deref().map(test);
    match tree {
        Tree::Id(op, id) => compared(Some(&row.id), *op, Some(id)),
        Tree::Active(op, active) => compared(Some(&row.active), *op, Some(active)),
        Tree::Qty(op, qty) => compared(row.qty.as_ref(), *op, qty.as_ref()),
        Tree::Code(op, code) => compared(row.code.as_deref(), *op, *code),
        Tree::QtyIn(list, not) => within(row.qty, list).map(|found| found != *not),
        Tree::NameIn(list, not) => Some(list.contains(&row.name.as_str()) != *not),
        Tree::CodeIsNull(null) => Some(row.code.is_none() == *null),
        Tree::Contains(part) => text(&|code| code.contains(part)),
        Tree::StartsWith(part) => text(&|code| code.starts_with(part)),
        Tree::EndsWith(part) => text(&|code| code.ends_with(part)),
        Tree::Between(low, high) => row.qty.map(|qty| (*low..=*high).contains(&qty)),
        Tree::Not(tree) => holds(tree, row).map(|held| !held),
        Tree::And(a, b) => every([holds(a, row), holds(b, row)]),
        Tree::Or(a, b) => some([holds(a, row), holds(b, row)]),
        Tree::All(trees) => every(trees.iter().map(|tree| holds(tree, row))),
        Tree::Any(trees) => some(trees.iter().map(|tree| holds(tree, row))),
    }
}

fn compared<T: PartialOrd + ?Sized>(column: Option<&T>, op: Op, value: Option<&T>) -> Option<bool> {
    match (column, op, value) {
        (column, Op::Eq, None) => Some(column.is_none()),
        (column, Op::Ne, None) => Some(column.is_some()),
        (None, ..) | (.., None) => None,
        (Some(column), op, Some(value)) => Some(match op {
            Op::Eq => column == value,
            Op::Ne => column != value,
            Op::Gt => column > value,
            Op::Ge => column >= value,
            Op::Lt => column < value,
            Op::Le => column <= value,
        }),
    }
}

/// `None` in the list means NULL; NULL and a list without it is unknown, but nothing is in an empty list.
fn within(column: Option<i32>, list: &[Option<i32>]) -> Option<bool> {
    match column {
        None if !list.is_empty() && !list.contains(&None) => None,
        column => Some(list.contains(&column)),
    }
}

fn every(held: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    some(held.into_iter().map(|held| held.map(|held| !held))).map(|held| !held)
}

fn some(held: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    let mut result = Some(false);
    for held in held {
        match held {
            Some(true) => return Some(true),
            Some(false) => {}
            None => result = None,
        }
    }
    result
}

#[test]
fn random_filters_keep_what_they_keep_in_rust() {
    let (runtime, (db, rows)) = block_on(|| async {
        let db = Fixture::<DB>::new(&ITEMS).await;
        let rows = (0..36_usize).map(|i| NewItem {
            name: TEXTS[i % 12].into(),
            code: (i % 5 != 0).then(|| format!("{}{}", TEXTS[i % 12], TEXTS[i / 3 % 12])),
            qty: (i % 3 != 0).then_some(i as i32 % 5 - 2),
            active: i % 2 == 0,
            ..item(i as i64)
        });
        let rows = Item::repo(db.source()).create_many(rows).await.unwrap();
        (db, rows)
    });
    let result = runner(300).run(&tree(), |tree| {
        let expected: Vec<i64> =
            rows.iter().filter(|row| holds(&tree, row) == Some(true)).map(|row| row.id).collect();
        prop_assert_eq!(runtime.block_on(kept(&db, filter(&tree))), expected);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn random_texts_are_found_where_they_are_in_rust() {
    let (runtime, db) = block_on(|| Fixture::<DB>::new(&ITEMS));
    let part = || "[ab%_!\\\\\\[\\]*?'\"`^é日🦀 -]{0,3}";
    let texts = prop::collection::vec((part(), part(), part()), 1..6);
    let result = runner(60).run(&texts, |texts| {
        let names: Vec<String> = texts.iter().map(|(a, b, c)| format!("{a}{b}{c}")).collect();
        let items = Item::repo(db.source());
        runtime.block_on(async {
            let rows = (0..).zip(&names).map(|(id, name)| NewItem { name: name.clone(), ..item(id) });
            items.create_many(rows).await.unwrap();
            for (a, b, c) in &texts {
                let find = |test: &dyn Fn(&str) -> bool| -> Vec<i64> {
                    (0..).zip(&names).filter(|(_, name)| test(name)).map(|(id, _)| id).collect()
                };
                prop_assert_eq!(
                    kept(&db, Item::NAME.starts_with(a)).await,
                    find(&|name| name.starts_with(a))
                );
                prop_assert_eq!(kept(&db, Item::NAME.contains(b)).await, find(&|name| name.contains(b)));
                prop_assert_eq!(kept(&db, Item::NAME.ends_with(c)).await, find(&|name| name.ends_with(c)));
            }
            items.find().delete().await.unwrap();
            Ok(())
        })
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn no_value_makes_rendering_or_the_database_panic() {
    let (runtime, db) = block_on(|| Fixture::<DB>::new(&ITEMS));
    let values = (any::<String>(), any::<i64>(), any::<i32>(), any::<f64>(), any::<u64>());
    let result = runner(100).run(&values, |(text, id, qty, weight, rows)| {
        let filter = Item::NAME.contains(&*text)
            | Item::NAME.like(&*text)
            | Item::CODE.in_([Some(text.clone()), None]);
        let filter = filter
            & (Item::ID.gt(id) | Item::QTY.ne(qty) | Item::WEIGHT.le(weight))
            & Item::NAME.ends_with(text);
        let items = Item::repo(db.source());
        runtime.block_on(async {
            // Refused or not, the connection is as good as before.
            let found = items.find().filter(filter).limit(rows).offset(rows).all().await;
            prop_assert!(found.map_or(true, |found| found.is_empty()));
            prop_assert_eq!(items.count().await.unwrap(), 0);
            Ok(())
        })
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}
