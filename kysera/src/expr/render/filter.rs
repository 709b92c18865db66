//! Conditions.

use std::sync::Arc;

use super::Sql;
use crate::backend::Dialect;
use crate::error::Error;
use crate::expr::filter::{ArrayOp, Compare, Node, TextMatch};
use crate::expr::term::Term;
use crate::expr::value::{Codec, Value};

impl<'v> Sql<'v> {
    /// Writes a filter on the row at hand.
    pub(crate) fn filter(&mut self, node: &Node) -> &mut Self {
        self.covering(
            || node.is_sensitive(),
            |sql| {
                sql.condition(node);
            },
        )
    }

    fn condition(&mut self, node: &Node) -> &mut Self {
        match node {
            Node::Compare { left, op, right } => self.compare(left, *op, right),
            Node::In { left, codec, values, null, negated } => {
                self.in_list(left, codec, values, *null, *negated)
            }
            Node::CompareRows { left, op, right } => self.row_of(left).push(operator(*op)).row_of(right),
            Node::IsNull { term, negated } => self.term(term).push(null_test(*negated)),
            Node::Text { term, kind, text } => self.text_match(term, *kind, text),
            Node::Array { left, op, right } => {
                if self.dialect != Dialect::Postgres {
                    self.unsupported("it has no arrays");
                }
                let op = match op {
                    ArrayOp::Contains => " @> ",
                    ArrayOp::ContainedBy => " <@ ",
                    ArrayOp::Overlaps => " && ",
                };
                self.term(left).push(op).term(right)
            }
            Node::Holds(term) => self.push("(").term(term).push(")"),
            Node::Related { rows, negated } => self.related_exists(rows, *negated),
            Node::InClaim { left, claim } => self.in_claim(left, claim),
            Node::ClaimIs { claim, value, equals } => self.claim_is(claim, value, *equals),
            Node::Reachable { rel, filters } => self.reachable(rel, filters),
            Node::All(nodes) if nodes.is_empty() => self.push("TRUE"),
            Node::Any(nodes) if nodes.is_empty() => self.push("FALSE"),
            Node::All(nodes) => self.combined(nodes, " AND "),
            Node::Any(nodes) => self.combined(nodes, " OR "),
            Node::Not(node) => self.push("NOT (").filter(node).push(")"),
        }
    }

    fn combined(&mut self, nodes: &[Node], operator: &str) -> &mut Self {
        self.push("(")
            .list(nodes, operator, |sql, node| {
                sql.filter(node);
            })
            .push(")")
    }

    pub(super) fn unsupported(&mut self, what: &'static str) {
        let backend = self.dialect.name();
        self.refuse(Error::Unsupported { backend, what: what.into() });
    }

    fn compare(&mut self, left: &Term, op: Compare, right: &Term) -> &mut Self {
        let text = match (op, right) {
            (Compare::Eq | Compare::Ne, Term::Null) if !self.in_rules => {
                return self.term(left).push(null_test(op == Compare::Ne));
            }
            // Nothing is greater or less than NULL. Said here, so that the negation is NULL too, as it is in SQL.
            (_, Term::Null) => return self.push("NULL"),
            (op, _) => operator(op),
        };
        self.term(left).push(text).term(right)
    }

    fn row_of(&mut self, terms: &[Term]) -> &mut Self {
        self.push("(")
            .list(terms, ", ", |sql, term| {
                sql.term(term);
            })
            .push(")")
    }

    pub(super) fn in_list(
        &mut self,
        left: &Term,
        codec: &'static Codec,
        values: &Arc<[Value]>,
        null: bool,
        negated: bool,
    ) -> &mut Self {
        // In a rule nothing equals NULL, nor can anything be told apart from it.
        if self.in_rules && null {
            return if negated || values.is_empty() {
                self.push("NULL")
            } else {
                self.some_of(left, codec, values, negated)
            };
        }
        match (values.is_empty(), null) {
            (true, true) => self.term(left).push(null_test(negated)),
            (true, false) => self.push(if negated { "TRUE" } else { "FALSE" }),
            (false, true) if negated => {
                self.push("(").term(left).push(" IS NOT NULL AND ");
                self.some_of(left, codec, values, negated).push(")")
            }
            (false, true) => {
                self.push("(").term(left).push(" IS NULL OR ");
                self.some_of(left, codec, values, negated).push(")")
            }
            (false, false) => self.some_of(left, codec, values, negated),
        }
    }

    fn some_of(
        &mut self,
        left: &Term,
        codec: &'static Codec,
        values: &Arc<[Value]>,
        negated: bool,
    ) -> &mut Self {
        self.term(left);
        if self.has_array(codec) {
            self.push(if negated { " <> ALL(" } else { " = ANY(" });
            return self.shared_array(codec, values.clone()).push(")");
        }
        self.push(if negated { " NOT IN (" } else { " IN (" });
        // Lists of similar length share a text, so that they do not drive each other out of the statement cache.
        let padded = values.len().next_power_of_two();
        let padded = if padded <= 64 { padded } else { values.len() };
        let padding = values.last().into_iter().cycle().take(padded - values.len());
        self.list(values.iter().chain(padding), ", ", |sql, value| {
            sql.listed(codec, value);
        })
        .push(")")
    }

    fn text_match(&mut self, term: &Term, kind: TextMatch, text: &str) -> &mut Self {
        match (self.dialect, kind) {
            (_, TextMatch::EqualsIgnoreCase) => {
                self.push("LOWER(").term(term).push(") = LOWER(").text_value(text.into()).push(")")
            }
            (Dialect::Sqlite, _) => self.sqlite_text_match(term, kind, text),
            (_, TextMatch::Like) => self.term(term).push(" LIKE ").text_value(text.into()),
            (_, TextMatch::NotLike) => self.term(term).push(" NOT LIKE ").text_value(text.into()),
            (_, TextMatch::Contains | TextMatch::StartsWith | TextMatch::EndsWith) => {
                self.term(term).push(" LIKE ").text_value(like_pattern(kind, text)).push(" ESCAPE '!'")
            }
            (Dialect::Postgres, TextMatch::LikeIgnoreCase) => {
                self.term(term).push(" ILIKE ").text_value(text.into())
            }
            (Dialect::Postgres, _) => {
                self.term(term).push(" ILIKE ").text_value(like_pattern(kind, text)).push(" ESCAPE '!'")
            }
            (_, TextMatch::LikeIgnoreCase) => {
                self.push("LOWER(").term(term).push(") LIKE LOWER(").text_value(text.into()).push(")")
            }
            _ => {
                self.push("LOWER(").term(term).push(") LIKE LOWER(");
                self.text_value(like_pattern(kind, text)).push(") ESCAPE '!'")
            }
        }
    }

    /// SQLite's LIKE ignores the case of ASCII letters, unlike its `=`; GLOB and `instr` do not. LIKE and GLOB stop at
    /// a NUL in the pattern, which would match too much.
    fn sqlite_text_match(&mut self, term: &Term, kind: TextMatch, text: &str) -> &mut Self {
        // Escaped, a pattern is three times as long at most, and SQLite takes 50 000 bytes.
        let fits_glob = text.len() < 16_000 && !text.contains('\0');
        match kind {
            TextMatch::Like | TextMatch::NotLike | TextMatch::LikeIgnoreCase => {
                if text.contains('\0') {
                    self.refuse(Error::BadRequest("a LIKE pattern cannot contain NUL".into()));
                }
                let op = if kind == TextMatch::NotLike { " NOT LIKE " } else { " LIKE " };
                self.term(term).push(op).text_value(text.into()).push(" ESCAPE '\\'")
            }
            // An index can serve it.
            TextMatch::StartsWith if fits_glob => {
                self.term(term).push(" GLOB ").text_value(format!("{}*", glob_escape(text)))
            }
            TextMatch::Contains => {
                self.push("instr(").term(term).push(", ").text_value(text.into()).push(") > 0")
            }
            TextMatch::StartsWith => {
                self.push("instr(").term(term).push(", ").text_value(text.into()).push(") = 1")
            }
            TextMatch::ContainsIgnoreCase | TextMatch::StartsWithIgnoreCase => {
                self.push("instr(LOWER(").term(term).push("), LOWER(").text_value(text.into());
                self.push(if kind == TextMatch::ContainsIgnoreCase { ")) > 0" } else { ")) = 1" })
            }
            // By bytes, because GLOB stops at a NUL in the column too. The letter is there because `substr` of nothing
            // is NULL.
            TextMatch::EndsWith => {
                let text = format!("{text}x");
                self.push("substr(CAST(").term(term).push(" || 'x' AS BLOB), -length(CAST(");
                self.text_value(text.clone()).push(" AS BLOB))) = CAST(").text_value(text).push(" AS BLOB)")
            }
            TextMatch::EndsWithIgnoreCase | TextMatch::EqualsIgnoreCase => {
                let text = format!("{text}x");
                self.push("substr(CAST(LOWER(").term(term).push(" || 'x') AS BLOB), -length(CAST(");
                self.text_value(text.clone()).push(" AS BLOB))) = CAST(LOWER(");
                self.text_value(text).push(") AS BLOB)")
            }
        }
    }
}

fn operator(op: Compare) -> &'static str {
    match op {
        Compare::Eq => " = ",
        Compare::Ne => " <> ",
        Compare::Gt => " > ",
        Compare::Ge => " >= ",
        Compare::Lt => " < ",
        Compare::Le => " <= ",
    }
}

fn null_test(negated: bool) -> &'static str {
    if negated { " IS NOT NULL" } else { " IS NULL" }
}

/// A LIKE pattern whose escape is `!`, which unlike `\` no database treats specially in a literal.
fn like_pattern(kind: TextMatch, text: &str) -> String {
    let starts = matches!(kind, TextMatch::StartsWith | TextMatch::StartsWithIgnoreCase);
    let ends = matches!(kind, TextMatch::EndsWith | TextMatch::EndsWithIgnoreCase);
    let mut pattern = String::with_capacity(text.len() + 2);
    if !starts {
        pattern.push('%');
    }
    for char in text.chars() {
        if matches!(char, '!' | '%' | '_') {
            pattern.push('!');
        }
        pattern.push(char);
    }
    if !ends {
        pattern.push('%');
    }
    pattern
}

fn glob_escape(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for char in text.chars() {
        if matches!(char, '*' | '?' | '[') {
            pattern.extend(['[', char, ']']);
        } else {
            pattern.push(char);
        }
    }
    pattern
}
