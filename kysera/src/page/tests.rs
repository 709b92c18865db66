//! What comes behind a place, as SQL. No database is asked.

use std::sync::Arc;

use super::order::{Place, Side, Walk};
use crate::__private::codec;
use crate::backend::Dialect;
use crate::expr::{Codec, Col, Column, Fill, Meta, Order, Sql};

struct Row;

const fn col(index: usize, name: &'static str, codec: &'static Codec) -> Col {
    Col { table: "t", name, index, codec, fill: Fill::Client, guard: None }
}

static META: Meta = Meta {
    entity: "Row",
    table: "t",
    columns: &[col(0, "id", codec!(i64)), col(1, "a", codec!(i64)), col(2, "b", codec!(Option<i64>))],
    id: &[0],
    ..Meta::PLAIN
};

const ID: Column<Row, i64> = Column::new(&META.columns[0]);
const A: Column<Row, i64> = Column::new(&META.columns[1]);
const B: Column<Row, Option<i64>> = Column::new(&META.columns[2]);

fn walk(order: &[Order<Row>], dialect: Dialect) -> Walk {
    let order: Vec<_> = order.iter().map(|order| order.key.clone()).collect();
    Walk::new(&order, &META, dialect).unwrap()
}

fn place(values: &[Option<i64>]) -> Place {
    let values = values.iter().map(|value| value.map(|value| (codec!(i64), Arc::new(value) as _)));
    Place { values: values.collect(), side: Side::Behind }
}

/// What comes behind and what comes before, and the order; without the table's name and with plain names.
fn sql(order: &[Order<Row>], dialect: Dialect, values: &[Option<i64>]) -> [String; 3] {
    let walk = walk(order, dialect);
    let place = place(values);
    let keys = walk.order();
    [walk.behind(&place).all, walk.before(&place).all]
        .map(|node| {
            let mut sql = Sql::new(dialect);
            sql.filter(&node);
            sql.into_text()
        })
        .into_iter()
        .chain([{
            let mut sql = Sql::new(dialect);
            sql.order_keys(&keys);
            sql.into_text()
        }])
        .map(|text| text.replace("\"t\".", "").replace("`t`.", "").replace(['"', '`'], ""))
        .collect::<Vec<_>>()
        .try_into()
        .unwrap()
}

use Dialect::{MySql, Postgres, Sqlite};

#[test]
fn the_key_alone() {
    for dialect in [MySql, Sqlite] {
        assert_eq!(sql(&[], dialect, &[Some(7)]), ["id > ?", "id <= ?", "id ASC"]);
        assert_eq!(sql(&[ID.desc()], dialect, &[Some(7)]), ["id < ?", "id >= ?", "id DESC"]);
    }
}

#[test]
fn one_direction_is_one_comparison_where_an_index_serves_it() {
    let values = [Some(3), Some(7)];
    assert_eq!(
        sql(&[A.desc()], Postgres, &values),
        ["(a, id) < ($1, $2)", "(a, id) >= ($1, $2)", "a DESC, id DESC"]
    );
    assert_eq!(sql(&[A.asc()], Sqlite, &values), ["(a, id) > (?, ?)", "(a, id) <= (?, ?)", "a ASC, id ASC"]);
    assert_eq!(
        sql(&[A.asc()], MySql, &values),
        [
            "(a >= ? AND (a > ? OR (a = ? AND id > ?)))",
            "(a <= ? AND (a < ? OR (a = ? AND id <= ?)))",
            "a ASC, id ASC"
        ]
    );
}

#[test]
fn several_directions() {
    assert_eq!(
        sql(&[A.desc(), ID.asc()], Postgres, &[Some(3), Some(7)]),
        [
            "(a <= $1 AND (a < $2 OR (a = $3 AND id > $4)))",
            "(a >= $1 AND (a > $2 OR (a = $3 AND id <= $4)))",
            "a DESC, id ASC"
        ]
    );
}

#[test]
fn nulls_behind_a_value_and_behind_themselves() {
    let order = [B.asc().nulls_last()];
    assert_eq!(
        sql(&order, Sqlite, &[Some(3), Some(7)]),
        [
            "((b >= ? OR b IS NULL) AND ((b > ? OR b IS NULL) OR (b = ? AND id > ?)))",
            // NULLs come first on the way back, and have been passed: a comparison drops them.
            "(b, id) <= (?, ?)",
            "b ASC NULLS LAST, id ASC"
        ]
    );
    assert_eq!(
        sql(&order, MySql, &[None, Some(7)]),
        [
            "(b IS NULL AND id > ?)",
            "(b IS NOT NULL OR (b IS NULL AND id <= ?))",
            "(b IS NULL) ASC, b ASC, id ASC"
        ]
    );
}

#[test]
fn nulls_before_values() {
    // Where SQLite and MySQL put them by themselves.
    for order in [B.asc(), B.asc().nulls_first()] {
        assert_eq!(
            sql(std::slice::from_ref(&order), MySql, &[Some(3), Some(7)]),
            [
                "(b >= ? AND (b > ? OR (b = ? AND id > ?)))",
                "((b <= ? OR b IS NULL) AND ((b < ? OR b IS NULL) OR (b = ? AND id <= ?)))",
                "b ASC, id ASC"
            ]
        );
        assert_eq!(
            sql(&[order], Sqlite, &[None, Some(7)]),
            ["(b IS NOT NULL OR (b IS NULL AND id > ?))", "(b IS NULL AND id <= ?)", "b ASC, id ASC"]
        );
    }
}

#[test]
fn a_last_key_with_nulls_may_have_nothing_or_everything_behind_it() {
    let order = [ID.asc(), B.desc().nulls_last()];
    assert_eq!(
        sql(&order, Postgres, &[Some(7), None]),
        [
            "(id >= $1 AND (id > $2 OR (id = $3 AND FALSE)))",
            "(id <= $1 AND (id < $2 OR (id = $3 AND TRUE)))",
            "id ASC, b DESC NULLS LAST"
        ]
    );
}

#[test]
fn orders_and_their_nulls_have_fingerprints() {
    let orders = [
        vec![],
        vec![ID.desc()],
        vec![A.asc()],
        vec![A.desc()],
        vec![A.asc(), ID.desc()],
        vec![B.asc().nulls_first()],
        vec![B.asc().nulls_last()],
        vec![B.desc().nulls_last()],
        vec![A.asc(), B.asc()],
        vec![B.asc(), A.asc()],
    ];
    let mut seen = std::collections::HashSet::new();
    for order in &orders {
        assert!(seen.insert(walk(order, MySql).fingerprints()));
    }
    // What the database does by itself is the same as if it had been said, and repetitions say nothing.
    let same = [vec![B.asc()], vec![B.asc().nulls_first(), ID.asc()], vec![B.asc(), B.desc(), ID.asc()]];
    for order in same {
        assert_eq!(walk(&order, MySql).fingerprints(), walk(&orders[5], MySql).fingerprints());
    }
    assert_eq!(walk(&[B.asc()], Postgres).fingerprints(), walk(&orders[6], Postgres).fingerprints());
}
