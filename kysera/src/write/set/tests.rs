//! The order of assignments on MySQL.

use super::*;
use crate::__private::codec;
use crate::expr::{Column, IntoOperand, Rel, RelatedRows, operand_term};

struct Row;

const fn col(index: usize, name: &'static str) -> Col {
    Col { table: "rows", name, index, codec: codec!(i64), fill: Fill::Client, guard: None }
}

static META: Meta = Meta {
    entity: "Row",
    table: "rows",
    columns: &[col(0, "a"), col(1, "b"), col(2, "c"), col(3, "d")],
    ..Meta::PLAIN
};

const A: Column<Row, i64> = Column::new(&META.columns[0]);
const B: Column<Row, i64> = Column::new(&META.columns[1]);
const C: Column<Row, i64> = Column::new(&META.columns[2]);
const D: Column<Row, i64> = Column::new(&META.columns[3]);

fn set<M>(column: Column<Row, i64>, to: impl IntoOperand<Row, i64, M>) -> (&'static Col, Term) {
    (column.col(), operand_term(&column, to.into_operand()))
}

/// The columns in the order in which they are set, or what is said about them.
fn order(terms: &[(&'static Col, Term)]) -> Result<String, String> {
    let assignments = terms.iter().map(|(col, term)| Assignment { col, to: To::Term(term) }).collect();
    match readers_first(assignments) {
        Ok(ordered) => Ok(ordered.iter().map(|one| one.col.name).collect()),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn what_reads_stands_in_front_of_what_is_read() {
    assert_eq!(order(&[]).unwrap(), "");
    assert_eq!(order(&[set(A, 1), set(B, 2)]).unwrap(), "ab");
    assert_eq!(order(&[set(A, A.plus(1)), set(B, B.plus(A))]).unwrap(), "ba");
    assert_eq!(order(&[set(A, 1), set(B, A), set(C, B), set(D, C)]).unwrap(), "dcba");
    assert_eq!(order(&[set(D, C), set(C, B), set(B, A), set(A, 1)]).unwrap(), "dcba");
    assert_eq!(order(&[set(A, 1), set(B, A.plus(2).times(3)), set(C, 1)]).unwrap(), "bac");
    assert_eq!(order(&[set(A, D), set(B, A.plus(B)), set(C, A)]).unwrap(), "bca");
}

#[test]
fn what_a_sub_query_starts_from_counts() {
    let rel = Rel { name: "x", parent: &META.columns[0], meta: &META, key: &META.columns[1], via: None };
    let count = Term::CountRelated(Box::new(RelatedRows::all(rel)));
    let through = Term::Through(rel, Box::new(Term::Column(&META.columns[3])));
    for term in [count, through] {
        assert_eq!(order(&[set(A, 1), (&META.columns[1], term.clone())]).unwrap(), "ba");
        // The rows at its other end are rows of their own.
        assert_eq!(order(&[set(D, 1), (&META.columns[1], term)]).unwrap(), "db");
    }
}

#[test]
fn circles_are_refused_with_their_columns() {
    for (circle, names) in [
        (vec![set(A, B), set(B, A)], "`a`, `b`"),
        (vec![set(D, 1), set(A, B), set(B, C.plus(1)), set(C, A)], "`a`, `b`, `c`"),
    ] {
        let error = order(&circle).unwrap_err();
        assert!(error.starts_with("MySQL cannot do this"), "{error}");
        assert!(error.contains(names), "{error}");
    }
}

#[test]
fn each_dialect_writes_expressions_on_the_right() {
    for (dialect, text) in [
        (Dialect::Postgres, r#""a" = ("rows"."a" + $1)"#),
        (Dialect::MySql, "`a` = (`rows`.`a` + ?)"),
        (Dialect::Sqlite, "`a` = (`rows`.`a` + ?)"),
    ] {
        let (col, term) = set(A, A.plus(1));
        let mut sql = Sql::new(dialect);
        Assignment { col, to: To::Term(&term) }.write(&mut sql);
        assert_eq!(sql.into_text(), text);
    }
}
