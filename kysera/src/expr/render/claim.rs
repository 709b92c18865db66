//! What the context says of who asks: as values, or, in policies of PostgreSQL itself, as settings of the transaction.

use std::sync::Arc;

use super::Sql;
use crate::expr::claim::{ClaimMeta, Equals};
use crate::expr::term::Term;
use crate::expr::value::Value;

impl Sql<'_> {
    pub(super) fn claim(&mut self, claim: &'static ClaimMeta) -> &mut Self {
        if self.inline {
            return self.setting(claim);
        }
        match claim.value(&self.cx) {
            Some(value) => self.shared(claim.codec, &value),
            None => self.push("NULL"),
        }
    }

    /// Whether a term is among the values of a claim. Without a claim that is unknown, and so is its negation.
    pub(super) fn in_claim(&mut self, left: &Term, claim: &'static ClaimMeta) -> &mut Self {
        if self.inline {
            return self.term(left).push(" = ANY(").setting(claim).push(")");
        }
        match (claim.values)(&self.cx) {
            Some(values) => {
                let values: Arc<[Value]> = values.into();
                self.in_list(left, claim.codec, &values, false, false)
            }
            None => self.push("NULL"),
        }
    }

    /// Whether a claim has a value.
    pub(super) fn claim_is(&mut self, claim: &'static ClaimMeta, value: &Value, equals: Equals) -> &mut Self {
        if self.inline {
            self.push("(").shared(claim.codec, value);
            return match claim.list {
                true => self.push(" = ANY(").setting(claim).push("))"),
                false => self.push(" = ").setting(claim).push(")"),
            };
        }
        self.push(match claim.has(&self.cx, value, equals) {
            Some(true) => "TRUE",
            Some(false) => "FALSE",
            None => "NULL",
        })
    }

    /// PostgreSQL: what `set_config(.., true)` has said of a claim. A setting that was never made is NULL, one whose transaction is
    /// over is empty.
    fn setting(&mut self, claim: &'static ClaimMeta) -> &mut Self {
        let Some(name) = claim.codec.postgres_name() else {
            self.unsupported("it has no type for a claim of the policy");
            return self;
        };
        self.push("CAST(NULLIF(current_setting(").quoted(claim.setting).push(", TRUE), '') AS ").push(&name);
        self.push(if claim.list { "[])" } else { ")" })
    }

    /// PostgreSQL: the claims of a context as settings of the transaction.
    pub(crate) fn set_claims(&mut self, claims: &'static [&'static ClaimMeta]) -> &mut Self {
        self.push("SELECT ").list(claims, ", ", |sql, claim| {
            sql.push("set_config(").quoted(claim.setting).push(", ");
            match (claim.values)(&sql.cx) {
                None => {
                    sql.push("''");
                }
                Some(values) if claim.list => {
                    if !sql.has_array(claim.codec) {
                        sql.unsupported("it has no arrays of the type of a claim");
                    }
                    sql.push("CAST(").shared_array(claim.codec, values.into()).push(" AS TEXT)");
                }
                Some(values) => match values.first() {
                    Some(value) => {
                        sql.push("CAST(").shared(claim.codec, value).push(" AS TEXT)");
                    }
                    None => {
                        sql.push("''");
                    }
                },
            }
            sql.push(", TRUE)");
        })
    }

    /// A text as a literal of PostgreSQL, whatever `standard_conforming_strings` says.
    pub(crate) fn quoted(&mut self, text: &str) -> &mut Self {
        let escaped = text.replace('\'', "''");
        if escaped.contains('\\') {
            return self.push("E'").push(&escaped.replace('\\', "\\\\")).push("'");
        }
        self.push("'").push(&escaped).push("'")
    }
}
