//! Queries that group rows or leave out equal ones, where a repeated expression has to be the same one for the database.

use std::fmt::Write as _;

use super::Sql;
use crate::backend::Dialect;
use crate::expr::meta::Col;
use crate::expr::policy::{FieldGuard, Standing};
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
    pub(crate) fn item(&mut self, term: &Term) -> &mut Self {
        if self.is_key(term) { self.key(term) } else { self.term(term) }
    }

    /// Writes what is grouped by, as GROUP BY does.
    fn key(&mut self, term: &Term) -> &mut Self {
        let outer = std::mem::replace(&mut self.aggregates, false);
        self.written_out(term);
        self.aggregates = outer;
        self
    }

    /// Writes ` GROUP BY ..`, or nothing. `others` are the expressions that the query asks for besides those selected.
    /// `parents` are the columns that relations in HAVING begin at.
    pub(crate) fn groups<'t>(
        &mut self,
        others: impl Iterator<Item = &'t Term>,
        parents: &[&'static Col],
    ) -> &mut Self {
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
            self.items.iter().for_each(|term| loose(term, keys, &mut columns));
            others.for_each(|term| loose(term, keys, &mut columns));
            parents.iter().for_each(|column| loose(&Term::Column(column), keys, &mut columns));
            for column in columns {
                self.push(", ").column(column);
            }
        }
        self
    }

    /// Writes the place of an expression among those selected, if it has one and would not be recognized otherwise.
    pub(super) fn by_position(&mut self, term: &Term) -> bool {
        let unrecognized = term.is_opaque()
            || self.is_masked(term)
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

    /// Writes an expression, if it is grouped by, in HAVING, in orders, or within another expression. Where the database
    /// would not see that it is: it is the same in the whole group, hence that of any of its rows.
    pub(super) fn hidden_key(&mut self, term: &Term) -> bool {
        if !self.aggregates || !self.is_key(term) {
            return false;
        }
        let (before, after) = match self.dialect {
            Dialect::MySql if term.as_column().is_none() || self.is_masked(term) => ("MIN(", ")"),
            // Of any type, unlike MIN.
            Dialect::Postgres if self.has_sub_query(term) || self.is_masked(term) => ("(ARRAY_AGG(", "))[1]"),
            _ => ("", ""),
        };
        self.push(before).key(term).push(after);
        true
    }

    /// Whether a column in it is written with a mask: two of them are two different expressions.
    fn is_masked(&self, term: &Term) -> bool {
        let guards =
            |guard: &FieldGuard| guard.read.is_some() && (guard.standing)(&self.cx) == Standing::Known;
        let mut found = false;
        term.visit(&mut |term| found |= matches!(term, Term::Column(col) if col.guard.is_some_and(guards)));
        found
    }

    /// Whether it is written as a sub-query, or around one: two of them are two different expressions.
    fn has_sub_query(&self, term: &Term) -> bool {
        let mut found = false;
        term.visit(&mut |term| {
            found |= match term {
                Term::CountRelated(_) => true,
                Term::Through(rel, of) => self.joined(rel).is_none() || self.has_sub_query(of),
                _ => false,
            };
        });
        found
    }

    /// Whether something of a joined row may differ among the rows of a group, for all that the database knows.
    pub(super) fn is_loose_join(&self, term: &Term) -> bool {
        self.aggregates && !self.keys.is_empty() && !self.is_key(term)
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
        Term::Value(..) | Term::Null | Term::Aggregate(_) | Term::Claim(_) => {}
    }
}
