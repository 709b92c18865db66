//! What a query that groups or aggregates may select and order by. Databases refuse it in words of their own, or answer
//! any row's value.

use super::shape::{Items, Shape};
use super::statement::Query;
use crate::backend::Backend;
use crate::error::{Error, Result};
use crate::expr::{Col, Meta, Term};

impl Query {
    /// Whether the query answers groups, or one row about all rows.
    pub(crate) fn aggregates<DB: Backend, X: Shape<DB>>(&self, shape: &X) -> bool {
        let of_items = |items: Items<'_>| items.0.iter().any(Term::has_aggregate);
        !self.group.is_empty() || shape.items().is_some_and(of_items)
    }

    /// Every item, and every side of `having`, is the same for all rows of a group.
    pub(super) fn check_items<DB: Backend, X: Shape<DB>>(&self, meta: &Meta, shape: &X) -> Result<()> {
        if !self.aggregates(shape) {
            return Ok(());
        }
        let Some(Items(items)) = shape.items() else { return Ok(()) };
        let groups = Groups::new(&self.group, meta);
        if let Some(item) = items.iter().find(|item| !groups.cover(item)) {
            return Err(loose("selects", item));
        }
        let mut wrong = None;
        for node in &self.having {
            node.terms(&mut |term| {
                if !groups.cover(term) {
                    wrong.get_or_insert(term.clone());
                }
            });
            node.relations(&mut |rel| {
                let parent = Term::Column(rel.parent);
                if !groups.cover(&parent) {
                    wrong.get_or_insert(parent);
                }
            });
        }
        wrong.map_or(Ok(()), |term| Err(loose("has in `having`", &term)))
    }

    /// What it orders by is the same for all rows that become one.
    pub(crate) fn check_order<DB: Backend, X: Shape<DB>>(&self, meta: &Meta, shape: &X) -> Result<()> {
        if self.aggregates(shape) {
            let groups = Groups::new(&self.group, meta);
            if let Some(key) = self.order.iter().find(|key| !groups.cover(&key.term)) {
                return Err(loose("orders by", &key.term));
            }
        }
        if self.distinct {
            let selected = |term: &Term| match shape.items() {
                Some(Items(items)) => items.iter().any(|item| item.same(term)),
                None => self.has_column(term),
            };
            if let Some(key) = self.order.iter().find(|key| !selected(&key.term)) {
                let text = format!(
                    "a query with `distinct` orders by {}, which it does not select: equal rows may differ there",
                    in_words(&key.term)
                );
                return Err(Error::BadRequest(text.into()));
            }
        }
        Ok(())
    }
}

impl Query {
    /// Whether it is a column of the whole rows that are selected, or of those joined to them.
    fn has_column(&self, term: &Term) -> bool {
        match term {
            Term::Column(_) => true,
            Term::Through(rel, of) => {
                of.as_column().is_some() && self.joins.iter().any(|join| join.rel.is(rel))
            }
            _ => false,
        }
    }
}

/// What a query groups by.
struct Groups<'q> {
    keys: &'q [Term],
    /// The entity, if its whole primary key is among them: each group is a row then.
    rows_of: Option<&'q Meta>,
}

impl<'q> Groups<'q> {
    fn new(keys: &'q [Term], meta: &'q Meta) -> Self {
        let grouped = |index: &usize| {
            let column = meta.columns.get(*index);
            column.is_some_and(|column| has_column(keys, column))
        };
        let whole = !meta.id.is_empty() && meta.id.iter().all(grouped);
        Self { keys, rows_of: whole.then_some(meta) }
    }

    /// Whether an expression is the same for all rows of a group.
    fn cover(&self, term: &Term) -> bool {
        if self.keys.iter().any(|key| key.same(term)) {
            return true;
        }
        match term {
            Term::Value(..) | Term::Null | Term::Aggregate(_) | Term::Claim(_) => true,
            Term::Column(column) => {
                self.rows_of.is_some_and(|meta| meta.columns.iter().any(|of_row| of_row.is(column)))
            }
            Term::Call(_, terms) | Term::Raw(_, terms) => terms.iter().all(|term| self.cover(term)),
            Term::Arithmetic(_, pair) => self.cover(&pair.0) && self.cover(&pair.1),
            Term::Cast(term, _) | Term::Json(_, term, _) => self.cover(term),
            // The row at the other end is the same if what leads to it is.
            Term::Through(rel, _) => self.cover(&Term::Column(rel.parent)),
            Term::CountRelated(rows) => self.cover(&Term::Column(rows.rel.parent)),
        }
    }
}

fn has_column(keys: &[Term], column: &Col) -> bool {
    keys.iter().any(|key| key.as_column().is_some_and(|key| key.is(column)))
}

fn loose(does: &str, term: &Term) -> Error {
    // Of these it is not always known that they are the same as those that are grouped by.
    let again = if term.is_opaque() {
        "; if it is grouped by already, give a clone of the same expression to both"
    } else {
        ""
    };
    let text = format!(
        "the query groups or aggregates, and {does} {}, which may differ among the rows of a group: group by it, or \
         aggregate it, as in `max()`{again}",
        in_words(term)
    );
    Error::BadRequest(text.into())
}

/// A term as far as it has a name.
fn in_words(term: &Term) -> String {
    match term.as_column() {
        Some(column) => format!("the column `{}.{}`", column.table, column.name),
        None => {
            let mut name = None;
            term.visit(&mut |term| {
                if let Term::Column(column) = term {
                    name.get_or_insert(column.name);
                }
            });
            name.map_or_else(
                || "an expression".into(),
                |name| format!("an expression of the column `{name}`"),
            )
        }
    }
}
