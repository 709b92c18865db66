//! Random filters keep the rows that the same filters keep in Rust, on every database.

use std::future::Future;

use kysera::{Filter, Repository};
use kysera_tests::Fixture;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRng, TestRunner};

use super::entities::*;
use super::random_terms::{
    Number, NumberArg, Text, is_like, number, number_arg, text as random_text, with_arg,
};
use crate::DB;

/// The same cases in every run.
pub(super) fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let algorithm = config.rng_algorithm;
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(algorithm))
}

pub(super) fn block_on<F: Future>(future: impl FnOnce() -> F) -> (tokio::runtime::Runtime, F::Output) {
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
pub(super) enum Op {
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
    /// Columns with each other.
    NameCode(Op),
    CodeName(Op),
    IdQty(Op),
    /// Expressions with values, columns and each other.
    NumberValue(Number, Op, Option<i32>),
    NumberNumber(Number, Op, NumberArg),
    QtyNumber(Op, NumberArg),
    NumberBetween(Number, NumberArg, NumberArg),
    NumberIn(Number, Vec<Option<i32>>, bool),
    NumberIsNull(Number, bool),
    TextValue(Text, Op, &'static str),
    TextName(Text, Op),
    Length(Op, i64),
    IdLength(Op),
    Lengths(Op),
    IgnoringCase(TextOp, &'static str),
    LowerContains(&'static str),
    Ilike(String),
    Raw(i64, i64),
    Not(Box<Tree>),
    And(Box<Tree>, Box<Tree>),
    Or(Box<Tree>, Box<Tree>),
    All(Vec<Tree>),
    Any(Vec<Tree>),
}

#[derive(Debug, Clone, Copy)]
enum TextOp {
    Equals,
    Contains,
    StartsWith,
    EndsWith,
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
    let list = prop::collection::vec(qty(), 0..5);
    let text_op =
        prop::sample::select(vec![TextOp::Equals, TextOp::Contains, TextOp::StartsWith, TextOp::EndsWith]);
    let computed = prop_oneof![
        op().prop_map(Tree::NameCode),
        op().prop_map(Tree::CodeName),
        op().prop_map(Tree::IdQty),
        (number(), op(), qty()).prop_map(|(number, op, qty)| Tree::NumberValue(number, op, qty)),
        (number(), op(), number_arg()).prop_map(|(left, op, right)| Tree::NumberNumber(left, op, right)),
        (op(), number_arg()).prop_map(|(op, number)| Tree::QtyNumber(op, number)),
        (number(), number_arg(), number_arg())
            .prop_map(|(number, low, high)| Tree::NumberBetween(number, low, high)),
        (number(), list, any::<bool>()).prop_map(|(number, list, not)| Tree::NumberIn(number, list, not)),
        (number(), any::<bool>()).prop_map(|(number, null)| Tree::NumberIsNull(number, null)),
        (random_text(&TEXTS), op(), text()).prop_map(|(left, op, right)| Tree::TextValue(left, op, right)),
        (random_text(&TEXTS), op()).prop_map(|(text, op)| Tree::TextName(text, op)),
        (op(), 0_i64..4).prop_map(|(op, length)| Tree::Length(op, length)),
        op().prop_map(Tree::IdLength),
        op().prop_map(Tree::Lengths),
        (text_op, prop_oneof![text(), Just("AB"), Just("bA")])
            .prop_map(|(op, text)| Tree::IgnoringCase(op, text)),
        text().prop_map(Tree::LowerContains),
        r"([aAbB%_!]|\\[%_\\a]){0,4}".prop_map(Tree::Ilike),
        (-3_i64..3, 0_i64..40).prop_map(|(add, than)| Tree::Raw(add, than)),
    ];
    let leaf = prop_oneof![leaf, computed];
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
pub(super) use compare;

/// Hands the text over as what it is.
macro_rules! with_text {
    ($text:expr, |$name:ident| $use:expr) => {
        match $text {
            Text::Code => {
                let $name = Item::CODE;
                $use
            }
            Text::Lower => {
                let $name = Item::CODE.lower();
                $use
            }
            Text::Coalesced(or) => {
                let $name = Item::CODE.coalesce(*or);
                $use
            }
            Text::LowerCoalesced(or) => {
                let $name = Item::CODE.lower().coalesce(*or);
                $use
            }
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
        Tree::NameCode(op) => compare!(Item::NAME, op, Item::CODE),
        Tree::CodeName(op) => compare!(Item::CODE, op, Item::NAME),
        Tree::IdQty(op) => compare!(Item::ID, op, Item::QTY.cast::<i64>()),
        Tree::NumberValue(number, op, value) => compare!(number.expr(), op, *value),
        Tree::NumberNumber(left, op, right) => with_arg!(right, |right| compare!(left.expr(), op, right)),
        Tree::QtyNumber(op, number) => with_arg!(number, |number| compare!(Item::QTY, op, number)),
        Tree::NumberBetween(number, low, high) => {
            with_arg!(low, |low| with_arg!(high, |high| number.expr().between(low, high)))
        }
        Tree::NumberIn(number, list, false) => number.expr().in_(list),
        Tree::NumberIn(number, list, true) => number.expr().not_in(list),
        Tree::NumberIsNull(number, true) => number.expr().is_null(),
        Tree::NumberIsNull(number, false) => number.expr().is_not_null(),
        Tree::TextValue(text, op, value) => with_text!(text, |text| compare!(text, op, *value)),
        Tree::TextName(text, op) => with_text!(text, |text| compare!(text, op, Item::NAME)),
        Tree::Length(op, length) => compare!(Item::CODE.length(), op, *length),
        Tree::IdLength(op) => compare!(Item::ID, op, Item::NAME.length()),
        Tree::Lengths(op) => compare!(Item::CODE.length(), op, Item::NAME.length().plus(1)),
        Tree::IgnoringCase(op, text) => match op {
            TextOp::Equals => Item::CODE.eq_ignore_case(*text),
            TextOp::Contains => Item::CODE.contains_ignore_case(*text),
            TextOp::StartsWith => Item::CODE.starts_with_ignore_case(*text),
            TextOp::EndsWith => Item::CODE.ends_with_ignore_case(*text),
        },
        Tree::LowerContains(text) => Item::CODE.lower().contains(*text),
        Tree::Ilike(pattern) => Item::CODE.ilike(pattern),
        Tree::Raw(add, than) => Filter::raw("{} + {} > {}", (Item::ID, *add, *than)),
        Tree::Not(tree) => Filter::not(filter(tree)),
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
        Tree::NameCode(op) => terms(Some(&*row.name), *op, row.code.as_deref()),
        Tree::CodeName(op) => terms(row.code.as_deref(), *op, Some(&*row.name)),
        Tree::IdQty(op) => terms(Some(row.id), *op, row.qty.map(i64::from)),
        Tree::NumberValue(number, op, value) => compared(number.of(row).as_ref(), *op, value.as_ref()),
        Tree::NumberNumber(left, op, right) => terms(left.of(row), *op, right.of(row)),
        Tree::QtyNumber(op, number) => terms(row.qty, *op, number.of(row)),
        Tree::NumberBetween(number, low, high) => {
            every([terms(number.of(row), Op::Ge, low.of(row)), terms(number.of(row), Op::Le, high.of(row))])
        }
        Tree::NumberIn(number, list, not) => within(number.of(row), list).map(|found| found != *not),
        Tree::NumberIsNull(number, null) => Some(number.of(row).is_none() == *null),
        Tree::TextValue(text, op, value) => terms(text.of(row).as_deref(), *op, Some(*value)),
        Tree::TextName(text, op) => terms(text.of(row).as_deref(), *op, Some(&*row.name)),
        Tree::Length(op, length) => terms(row.code.as_deref().map(characters), *op, Some(*length)),
        Tree::IdLength(op) => terms(Some(row.id), *op, Some(characters(&row.name))),
        Tree::Lengths(op) => terms(row.code.as_deref().map(characters), *op, Some(characters(&row.name) + 1)),
        Tree::IgnoringCase(op, part) => {
            let part = part.to_ascii_lowercase();
            let code = row.code.as_ref().map(|code| code.to_ascii_lowercase());
            code.map(|code| match op {
                TextOp::Equals => code == part,
                TextOp::Contains => code.contains(&part),
                TextOp::StartsWith => code.starts_with(&part),
                TextOp::EndsWith => code.ends_with(&part),
            })
        }
        Tree::LowerContains(part) => text(&|code| code.to_ascii_lowercase().contains(part)),
        Tree::Ilike(pattern) => text(&|code| {
            let [code, pattern] =
                [code, pattern].map(|text| text.to_ascii_lowercase().chars().collect::<Vec<_>>());
            is_like(&code, &pattern)
        }),
        Tree::Raw(add, than) => Some(row.id + add > *than),
        Tree::Not(tree) => holds(tree, row).map(|held| !held),
        Tree::And(a, b) => every([holds(a, row), holds(b, row)]),
        Tree::Or(a, b) => some([holds(a, row), holds(b, row)]),
        Tree::All(trees) => every(trees.iter().map(|tree| holds(tree, row))),
        Tree::Any(trees) => some(trees.iter().map(|tree| holds(tree, row))),
    }
}

fn characters(text: &str) -> i64 {
    text.chars().count() as i64
}

/// Columns and expressions compare as SQL has it: with NULL nothing is known.
pub(super) fn terms<T: PartialOrd>(left: Option<T>, op: Op, right: Option<T>) -> Option<bool> {
    compared(Some(&left?), op, Some(&right?))
}

pub(super) fn compared<T: PartialOrd + ?Sized>(
    column: Option<&T>,
    op: Op,
    value: Option<&T>,
) -> Option<bool> {
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

pub(super) fn every(held: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    some(held.into_iter().map(|held| held.map(|held| !held))).map(|held| !held)
}

pub(super) fn some(held: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
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
    let result = runner(400).run(&tree(), |tree| {
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
