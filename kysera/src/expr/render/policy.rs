//! What policies say, as conditions.

use super::{Alias, Level, Sql};
use crate::backend::Dialect;
use crate::error::Error;
use crate::expr::filter::Node;
use crate::expr::meta::{Col, Meta};
use crate::expr::policy::{Action, Demand, FieldGuard, PolicyMeta, Standing};
use crate::expr::relation::Rel;
use crate::expr::term::Term;
use crate::expr::value::Value;

/// What becomes of a column of the row at hand, for conditions on the row after a write.
pub(crate) enum Becomes {
    /// A value, which is a column of the derived table of new values.
    Given,
    /// The same, where the caller may read what is there; otherwise it stays.
    IfReadable(&'static FieldGuard),
    /// An expression of the row as it is.
    Term(Term),
    /// One more than it is.
    Next,
    /// What an upsert would have inserted.
    Excluded,
}

/// What the derived table of new values is called.
pub(crate) const VALUES: &str = "kysera_v";

impl<'v> Sql<'v> {
    /// The policy of a table, if it concerns whoever asks.
    pub(crate) fn policy(&mut self, meta: &'static Meta) -> Option<&'static PolicyMeta> {
        let policy = meta.policy?;
        match (policy.standing)(&self.cx) {
            Standing::System => None,
            Standing::Known => {
                if let [mistake, ..] = &(policy.rules)().mistakes[..] {
                    self.refuse(Error::BadRequest(
                        format!("the policy of {}: {mistake}", meta.entity).into(),
                    ));
                }
                Some(policy)
            }
            Standing::Unknown => {
                self.refuse(Error::Protected { entity: meta.entity });
                None
            }
        }
    }

    /// Writes what has to hold for rows of the table at hand so that all of this may be done with them, with `glue` in front of it;
    /// nothing where that are all.
    pub(crate) fn permitted(&mut self, meta: &'static Meta, actions: &[Action], glue: &str) -> &mut Self {
        // A rule that asks for rows of other tables asks for all of them: were some hidden from the caller, a rule could
        // allow more because it saw less.
        if self.in_rules {
            return self;
        }
        let Some(policy) = self.policy(meta) else { return self };
        let demands = policy.before(actions, &self.cx);
        self.demands(meta, &demands, glue)
    }

    /// Writes what has to hold for the row at hand.
    pub(crate) fn demands(&mut self, meta: &'static Meta, demands: &[Demand], glue: &str) -> &mut Self {
        let mut glue = glue;
        for demand in demands {
            self.push(glue).demand(meta, demand);
            glue = " AND ";
        }
        self
    }

    /// Writes one thing that has to hold for the row at hand.
    pub(crate) fn demand(&mut self, meta: &'static Meta, demand: &Demand) -> &mut Self {
        for node in &demand.any {
            self.refuse_bare_names(meta, node);
        }
        if demand.negated {
            self.push("NOT ");
        }
        self.in_rule(|sql| {
            sql.push("(");
            if demand.any.is_empty() {
                sql.push("FALSE");
            }
            sql.list(&demand.any, " OR ", |sql, node| {
                sql.filter(node);
            });
            sql.push(")");
        })
    }

    /// Writes a condition as a rule: what it says of other tables is said of all of their rows, whoever asks, and `None` equals
    /// nothing.
    pub(crate) fn in_rule(&mut self, write: impl FnOnce(&mut Self)) -> &mut Self {
        let outer = std::mem::replace(&mut self.in_rules, true);
        write(self);
        self.in_rules = outer;
        self
    }

    /// The rows of other tables that rules ask for are locked, so that they hold until the transaction ends.
    pub(crate) fn locking(&mut self, write: impl FnOnce(&mut Self)) -> &mut Self {
        let outer = std::mem::replace(&mut self.locks, true);
        write(self);
        self.locks = outer;
        self
    }

    /// The lock of rows that a rule asks for.
    pub(super) fn rule_lock(&self) -> &'static str {
        match self.dialect {
            _ if !(self.locks && self.in_rules) => "",
            Dialect::Postgres => " FOR SHARE",
            Dialect::MySql => " LOCK IN SHARE MODE",
            // A transaction that writes has the database for itself.
            Dialect::Sqlite => "",
        }
    }

    /// SQL of the user's that names a column by itself would be about the row as it is, and not about what it becomes.
    fn refuse_bare_names(&mut self, meta: &'static Meta, node: &Node) {
        let mut found = None;
        node.raw_texts(&mut |text| {
            let words = text.split(|char: char| !(char.is_alphanumeric() || char == '_'));
            for word in words {
                let names = meta.columns.iter().map(|col| col.name).chain([meta.table]);
                found = found.or(names.into_iter().find(|name| name.eq_ignore_ascii_case(word)));
            }
        });
        if let Some(name) = found {
            let text = format!(
                "a rule of {} names `{name}` within the text of `Filter::raw`: give it as an argument, `Filter::raw(\"{{}} > 0\", \
                 [..])`, so that it can stand for what a row becomes",
                meta.entity
            );
            self.refuse(Error::BadRequest(text.into()));
        }
    }

    /// Writes about the row at hand as it will be.
    pub(crate) fn becoming(
        &mut self,
        becomes: Vec<(usize, Becomes)>,
        write: impl FnOnce(&mut Self),
    ) -> &mut Self {
        let outer = std::mem::replace(&mut self.level.becomes, becomes);
        write(self);
        self.level.becomes = outer;
        self
    }

    /// Writes a column that is about to change, as what it becomes.
    pub(super) fn become_column(&mut self, col: &Col) -> bool {
        let Some(at) = self.level.becomes.iter().position(|(column, _)| *column == col.index) else {
            return false;
        };
        // What it becomes is said of what is there.
        let becomes = std::mem::take(&mut self.level.becomes);
        match becomes.get(at).map(|(_, becomes)| becomes) {
            Some(Becomes::Given) => {
                self.ident(VALUES).push(".").ident(col.name);
            }
            Some(Becomes::IfReadable(guard)) => {
                self.if_readable(col, guard, |sql| {
                    sql.ident(VALUES).push(".").ident(col.name);
                });
            }
            Some(Becomes::Term(term)) => {
                // The caller's expression, not the rule's.
                let in_rules = std::mem::replace(&mut self.in_rules, false);
                self.push("(").term(term).push(")");
                self.in_rules = in_rules;
            }
            Some(Becomes::Next) => {
                self.push("(").column(col).push(" + 1)");
            }
            Some(Becomes::Excluded) => {
                self.push("excluded.").ident(col.name);
            }
            None => {}
        }
        self.level.becomes = becomes;
        true
    }

    /// Writes the columns of the row at hand, those masked that the caller may not read.
    pub(crate) fn readable_columns(&mut self, meta: &'static Meta, qualified: bool) -> &mut Self {
        self.list(meta.columns, ", ", |sql, col| {
            match sql.mask_of(col) {
                // With its name, for whatever stands around it.
                Some(guard) => sql.masked(col, guard).push(" AS ").ident(col.name),
                None if qualified => sql.column(col),
                None => sql.ident(col.name),
            };
        })
    }

    /// Writes a column of the row at hand, or its mask.
    pub(crate) fn readable_column(&mut self, col: &'static Col, qualified: bool) -> &mut Self {
        match self.mask_of(col) {
            Some(guard) => self.masked(col, guard),
            None if qualified => self.column(col),
            None => self.ident(col.name),
        }
    }

    /// What guards a column against the caller. Rules see everything.
    pub(super) fn mask_of(&mut self, col: &'static Col) -> Option<&'static FieldGuard> {
        let guard = col.guard.filter(|guard| guard.read.is_some() && !self.in_rules)?;
        match (guard.standing)(&self.cx) {
            Standing::System => None,
            Standing::Known => Some(guard),
            Standing::Unknown => {
                self.refuse(Error::Protected { entity: guard.entity });
                None
            }
        }
    }

    /// `CASE WHEN <may be read> THEN <column> ELSE <mask> END`
    pub(super) fn masked(&mut self, col: &'static Col, guard: &'static FieldGuard) -> &mut Self {
        let Some(read) = guard.read else { return self.column(col) };
        self.push("CASE WHEN ").in_rule(|sql| {
            sql.filter(&read().0);
        });
        self.push(" THEN ").column(col).push(" ELSE ");
        match guard.mask {
            Some(mask) => self.mask(col, &mask()),
            None => self.push("NULL"),
        }
        .push(" END")
    }

    fn mask(&mut self, col: &'static Col, mask: &Value) -> &mut Self {
        let flag = mask.downcast_ref::<bool>().copied().or_else(|| *mask.downcast_ref::<Option<bool>>()?);
        match flag {
            // An argument has no sign on MySQL, and with the column, which has one, would make a decimal.
            Some(flag) => self.push(if flag { "TRUE" } else { "FALSE" }),
            None => self.shared(col.codec, mask),
        }
    }

    /// `CASE WHEN <may be read> THEN <value> ELSE <column> END`
    pub(crate) fn if_readable(
        &mut self,
        col: &Col,
        guard: &'static FieldGuard,
        value: impl FnOnce(&mut Self),
    ) -> &mut Self {
        let Some(read) = guard.read else {
            value(self);
            return self;
        };
        self.push("CASE WHEN ").in_rule(|sql| {
            sql.filter(&read().0);
        });
        self.push(" THEN ");
        value(self);
        self.push(" ELSE ").column(col).push(" END")
    }

    /// The key of rows from which others are reached by following a relation of a table to itself.
    ///
    /// What is reached does not depend on the row at hand: the rows that the filters hold for, and those that lead to them.
    pub(super) fn reachable(&mut self, rel: &Rel, filters: &[Node]) -> &mut Self {
        let first = self.new_alias("r", rel.parent);
        let next = self.new_alias("r", rel.parent);
        let set = self.new_alias("h", rel.parent);
        // From a row without a key nothing is reached: that is false, and not unknown.
        let keyless = rel.parent.codec.nullable || rel.parent.guard.is_some();
        if keyless {
            self.push("(").readable_column(rel.parent, true).push(" IS NOT NULL AND ");
        }
        self.readable_column(rel.parent, true).push(" IN (WITH RECURSIVE ").alias(set);
        self.push(" (").ident("k").push(") AS (");
        let outer = std::mem::take(&mut self.level);
        let aggregates = std::mem::replace(&mut self.aggregates, false);
        // Of rows without a key none is reached, and a NULL among the keys would make the negation unknown.
        let row = |sql: &mut Self, alias: Alias| {
            sql.level = Level { alias: Some(alias), ..Level::default() };
            sql.push("SELECT ")
                .readable_column(rel.key, true)
                .push(" FROM ")
                .readable(rel.meta)
                .push(" AS ")
                .alias(alias);
        };
        row(self, first);
        self.push(" WHERE ").readable_column(rel.key, true).push(" IS NOT NULL");
        self.visible(rel.meta, super::Deleted::Hidden, " AND ");
        for node in filters {
            self.push(" AND ").asked(rel.meta, node);
        }
        self.push(" UNION ");
        row(self, next);
        self.push(" JOIN ")
            .alias(set)
            .push(" ON ")
            .readable_column(rel.parent, true)
            .push(" = ")
            .alias(set)
            .push(".")
            .ident("k");
        self.push(" WHERE ").readable_column(rel.key, true).push(" IS NOT NULL");
        self.visible(rel.meta, super::Deleted::Hidden, " AND ");
        self.level = outer;
        self.aggregates = aggregates;
        self.push(") SELECT ").ident("k").push(" FROM ").alias(set).push(if keyless { "))" } else { ")" })
    }

    /// Writes the values of one row as a derived table, `(SELECT .. UNION ALL SELECT ..) AS "kysera_v"`, whose columns have the
    /// types and collations of the table's.
    pub(crate) fn typed_values(
        &mut self,
        meta: &'static Meta,
        cols: &[&'static Col],
        mut value: impl FnMut(&mut Self, usize),
    ) -> &mut Self {
        self.push("(SELECT ")
            .names(cols.iter().copied())
            .push(" FROM ")
            .table(meta)
            .push(" WHERE FALSE UNION ALL SELECT ");
        self.list(0..cols.len(), ", ", |sql, at| value(sql, at));
        self.push(") AS ").ident(VALUES)
    }
}
