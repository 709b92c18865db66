//! Expressions.

use super::{Level, Sql};
use crate::backend::Dialect;
use crate::error::Error;
use crate::expr::term::{Aggregate, AggregateFunction, Arithmetic, Call, Cast, Term};

impl<'v> Sql<'v> {
    /// Writes an expression over the row at hand.
    pub(crate) fn term(&mut self, term: &Term) -> &mut Self {
        if self.hidden_key(term) {
            return self;
        }
        self.covering(
            || term.is_sensitive(),
            |sql| {
                sql.written_out(term);
            },
        )
    }

    pub(super) fn written_out(&mut self, term: &Term) -> &mut Self {
        match term {
            Term::Column(col) => match self.mask_of(col) {
                Some(guard) => self.masked(col, guard),
                None => self.column(col),
            },
            Term::Value(codec, value) => self.shared(codec, value),
            Term::Null => self.push("NULL"),
            Term::Call(call, terms) => self.call(*call, terms),
            Term::Aggregate(aggregate) => self.aggregate(aggregate),
            // With a NULL, MySQL would make a double of it.
            Term::Arithmetic(_, pair) if self.dialect == Dialect::MySql && matches!(pair.1, Term::Null) => {
                self.push("NULLIF(").term(&pair.0).push(", ").term(&pair.0).push(")")
            }
            Term::Arithmetic(op, pair) => {
                let op = match op {
                    Arithmetic::Plus => " + ",
                    Arithmetic::Minus => " - ",
                    Arithmetic::Times => " * ",
                };
                self.push("(").term(&pair.0).push(op).term(&pair.1).push(")")
            }
            Term::Cast(term, cast) => {
                let to = match (cast, self.dialect) {
                    (Cast::Integer, Dialect::Postgres) => " AS BIGINT)",
                    (Cast::Integer, Dialect::MySql) => " AS SIGNED)",
                    (Cast::Integer, Dialect::Sqlite) => " AS INTEGER)",
                    (Cast::Float, Dialect::Postgres) => " AS DOUBLE PRECISION)",
                    (Cast::Float, Dialect::MySql) => " AS DOUBLE)",
                    (Cast::Float, Dialect::Sqlite) => " AS REAL)",
                    (Cast::Text, Dialect::MySql) => " AS CHAR)",
                    (Cast::Text, _) => " AS TEXT)",
                };
                self.push("CAST(").term(term).push(to)
            }
            Term::Json(what, document, path) => self.json(*what, document, path),
            Term::Through(rel, of) => {
                match self.joined(rel) {
                    // A sub-query depends on the row's own column alone.
                    Some(_) if self.is_loose_join(term) => self.related_value(*rel, of),
                    Some((join, alias)) => {
                        // Where there is no row, its columns are NULL, and so is all that is said of it.
                        let conditional = join.left && !of.is_null_without_row();
                        let level = Level { alias: Some(alias), ..Level::default() };
                        self.about(level, |sql| {
                            if conditional {
                                sql.push("CASE WHEN ").column(rel.key).push(" IS NOT NULL THEN ");
                            }
                            sql.term(of);
                            if conditional {
                                sql.push(" END");
                            }
                        });
                        self
                    }
                    None => self.related_value(*rel, of),
                }
            }
            Term::CountRelated(rows) => self.related_count(rows),
            Term::Raw(text, args) => self.raw(text, args),
            Term::Claim(claim) => self.claim(claim),
        }
    }

    fn call(&mut self, call: Call, terms: &[Term]) -> &mut Self {
        let (before, after) = match (call, self.dialect) {
            (Call::Lower, _) => ("LOWER(", ")"),
            (Call::Upper, _) => ("UPPER(", ")"),
            (Call::Trim, _) => ("TRIM(", ")"),
            (Call::Length, Dialect::Postgres) => ("CAST(CHAR_LENGTH(", ") AS BIGINT)"),
            (Call::Length, Dialect::MySql) => ("CHAR_LENGTH(", ")"),
            (Call::Length, Dialect::Sqlite) => ("LENGTH(", ")"),
            (Call::Abs, _) => ("ABS(", ")"),
            (Call::Coalesce, _) => ("COALESCE(", ")"),
        };
        self.push(before)
            .list(terms, ", ", |sql, term| {
                sql.term(term);
            })
            .push(after)
    }

    fn aggregate(&mut self, aggregate: &Aggregate) -> &mut Self {
        if !self.aggregates {
            self.refuse(Error::BadRequest(
                "an aggregate such as `count()` belongs into `select`, `having` or the order of a grouped query: filters \
                 and groups are about single rows"
                    .into(),
            ));
        }
        use AggregateFunction as F;
        let (before, after) = match (aggregate.function, self.dialect) {
            (F::Count, _) => ("COUNT(", ")"),
            (F::Min, _) => ("MIN(", ")"),
            (F::Max, _) => ("MAX(", ")"),
            (F::SumInteger, Dialect::Postgres) => ("CAST(SUM(", ") AS BIGINT)"),
            (F::SumInteger, Dialect::MySql) => return self.mysql_integer_sum(aggregate),
            (F::SumFloat, Dialect::Postgres) => ("CAST(SUM(", ") AS DOUBLE PRECISION)"),
            (F::SumFloat, Dialect::Sqlite) => ("CAST(SUM(", ") AS REAL)"),
            (F::SumInteger | F::SumFloat | F::Sum, _) => ("SUM(", ")"),
            (F::AvgFloat, Dialect::Postgres) => ("CAST(AVG(", ") AS DOUBLE PRECISION)"),
            // MySQL would keep four digits behind the point.
            (F::AvgFloat, Dialect::MySql) => ("AVG(", " + 0e0)"),
            (F::AvgFloat | F::Avg, _) => ("AVG(", ")"),
        };
        self.push(before).aggregated(aggregate).push(after)
    }

    fn aggregated(&mut self, aggregate: &Aggregate) -> &mut Self {
        if aggregate.distinct {
            self.push("DISTINCT ");
        }
        let Some(of) = &aggregate.of else { return self.push("*") };
        // No aggregates of aggregates.
        let outer = std::mem::replace(&mut self.aggregates, false);
        self.term(of);
        self.aggregates = outer;
        self
    }

    /// MySQL adds integers up as decimals, and its CAST would cut what is beyond 64 bits: EXP makes that an error. It is
    /// given the sum, because a constant would fail when the statement is prepared, and cast, because the CASE would be a
    /// double otherwise.
    fn mysql_integer_sum(&mut self, aggregate: &Aggregate) -> &mut Self {
        self.push("CASE WHEN SUM(").aggregated(aggregate);
        self.push(") NOT BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(EXP(710 + 0 * SUM(");
        self.aggregated(aggregate)
            .push(")) AS SIGNED) ELSE CAST(SUM(")
            .aggregated(aggregate)
            .push(") AS SIGNED) END")
    }

    /// Says of which type a value within SQL of the user's is. A statement is prepared for types of arguments, and sqlx
    /// finds it by its text alone: with values of other types it would be another one.
    fn raw_type(&mut self, arg: &Term) -> &mut Self {
        let (Dialect::Postgres, Term::Value(codec, _)) = (self.dialect, arg) else { return self };
        let name: String = (codec.type_name)().chars().filter(|char| !matches!(char, '*' | '/')).collect();
        self.push("/* ").push(&name).push(" */")
    }

    /// Writes SQL of the user's.
    fn raw(&mut self, text: &'static str, args: &[Term]) -> &mut Self {
        let mut args_left = args.iter();
        let mut rest = text;
        let mut wrong = false;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, found) = rest.split_at(at);
            self.push(before);
            rest = found.get(2..).unwrap_or_default();
            match found.get(..2) {
                Some("{{") => {
                    self.push("{");
                }
                Some("}}") => {
                    self.push("}");
                }
                Some("{}") => match args_left.next() {
                    Some(arg) => {
                        self.term(arg).raw_type(arg);
                    }
                    None => wrong = true,
                },
                _ => {
                    wrong = true;
                    rest = &found[1..];
                }
            }
        }
        if wrong || args_left.len() > 0 {
            let text = format!(
                "`Filter::raw({text:?}, ..)` needs a `{{}}` for each of its {} arguments, and braces doubled",
                args.len()
            );
            self.refuse(Error::BadRequest(text.into()));
        }
        self.push(rest)
    }
}
