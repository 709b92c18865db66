//! Queries that group rows or leave out equal ones, where a repeated expression has to be the same one for the database.

use std::fmt::Write as _;

use super::Sql;
use crate::backend::Dialect;
use crate::expr::meta::Col;
use crate::expr::term::Term;

impl<'v> Sql<'v> {
    /// The statement leaves out equal rows, or groups by these.
    pub(crate) fn condensed(&mut self, keys: &'v [Term]) -> &mut Self {
        self.condensed = true;
        self.keys = keys;
        self
    }

    /// The statement selects these.
    pub(crate) fn selecting(&mut self, items: &'v [Term]) -> &mut Self {
        self.items = items;
        self
    }

    /// Writes one of the things that are selected.
    pub(crate) fn item(&mut self, term: &'v Term) -> &mut Self {
        if self.is_key(term) { self.written_out(term) } else { self.term(term) }
    }

    /// Writes ` GROUP BY ..`, or nothing. `others` are the expressions that the query asks for besides those selected.
    pub(crate) fn groups(&mut self, others: impl Iterator<Item = &'v Term>) -> &mut Self {
        let keys = self.keys;
        if keys.is_empty() {
            return self;
        }
        self.push(" GROUP BY ").list(keys, ", ", |sql, key| {
            if !sql.by_position(key) {
                sql.term(key);
            }
        });
        if self.dialect == Dialect::MySql {
            // Columns that depend on the primary key, which MariaDB does not see.
            let mut columns = Vec::new();
            self.items.iter().chain(others).for_each(|term| loose(term, keys, &mut columns));
            for column in columns {
                self.push(", ").column(column);
            }
        }
        self
    }

    /// Writes the place of an expression among those selected, if it has one and would not be recognized otherwise.
    pub(super) fn by_position(&mut self, term: &Term) -> bool {
        let unrecognized = term.is_opaque()
            || (self.dialect == Dialect::MySql && term.as_column().is_none() && !term.has_aggregate());
        if !self.condensed || !unrecognized {
            return false;
        }
        let position = self.items.iter().position(|item| item.same(term));
        if let Some(at) = position {
            let _ = write!(self.text, "{}", at + 1); // a String takes everything
        }
        position.is_some()
    }

    /// Whether an expression is grouped by, and MySQL would not see that in HAVING, in orders, or within another
    /// expression. It is the same in the whole group, hence its own least value.
    pub(super) fn is_hidden_key(&self, term: &Term) -> bool {
        self.dialect == Dialect::MySql && self.aggregates && term.as_column().is_none() && self.is_key(term)
    }

    fn is_key(&self, term: &Term) -> bool {
        self.keys.iter().any(|key| key.same(term))
    }
}

/// The columns of an expression that are neither grouped by nor aggregated.
fn loose(term: &Term, keys: &[Term], columns: &mut Vec<&'static Col>) {
    if keys.iter().any(|key| key.same(term)) {
        return;
    }
    match term {
        Term::Column(column) => {
            if !columns.iter().any(|known| known.is(column)) {
                columns.push(column);
            }
        }
        Term::Call(_, terms) | Term::Raw(_, terms) => {
            terms.iter().for_each(|term| loose(term, keys, columns))
        }
        Term::Arithmetic(_, pair) => {
            loose(&pair.0, keys, columns);
            loose(&pair.1, keys, columns);
        }
        Term::Cast(term, _) | Term::Json(_, term, _) => loose(term, keys, columns),
        Term::Through(rel, _) => loose(&Term::Column(rel.parent), keys, columns),
        Term::CountRelated(rows) => loose(&Term::Column(rows.rel.parent), keys, columns),
        Term::Value(..) | Term::Null | Term::Aggregate(_) => {}
    }
}
