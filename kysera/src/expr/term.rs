//! SQL expressions without types.

use super::filter::Node;
use super::meta::Col;
use super::order::OrderKey;
use super::relation::Rel;
use super::value::{Codec, Value};

/// An SQL expression.
#[derive(Clone)]
pub(crate) enum Term {
    /// A column of the row that the statement, or the sub-query around it, is about.
    Column(&'static Col),
    /// A value, sent as an argument.
    Value(&'static Codec, Value),
    Null,
    Call(Call, Vec<Term>),
    Aggregate(Box<Aggregate>),
    Arithmetic(Arithmetic, Box<(Term, Term)>),
    Cast(Box<Term>, Cast),
    Json(Json, Box<Term>, Vec<JsonKey>),
    /// An expression of the row that a one-row relation leads to.
    Through(Rel, Box<Term>),
    /// How many related rows there are.
    CountRelated(Box<RelatedRows>),
    /// SQL of the user's, with `{}` for each argument.
    Raw(&'static str, Vec<Term>),
}

/// A function of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Lower,
    Upper,
    Trim,
    /// In characters.
    Length,
    Abs,
    Coalesce,
}

/// A function of several rows.
#[derive(Clone)]
pub(crate) struct Aggregate {
    pub(crate) function: AggregateFunction,
    pub(crate) distinct: bool,
    /// `None` counts rows.
    pub(crate) of: Option<Term>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AggregateFunction {
    Count,
    Min,
    Max,
    /// As a 64-bit integer; beyond its range an error.
    SumInteger,
    /// As a double.
    SumFloat,
    /// In the type that the database has for it.
    Sum,
    /// As a double.
    AvgFloat,
    /// In the type that the database has for it.
    Avg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Plus,
    Minus,
    Times,
}

/// What to cast to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cast {
    Integer,
    Float,
    Text,
}

/// What is read of a JSON document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Json {
    Text,
    Number,
    Bool,
    /// Not a value: whether there is one.
    Exists,
}

/// One step into a JSON document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonKey {
    /// A member of an object.
    Member(String),
    /// An element of an array, from 0.
    Element(usize),
}

impl From<&str> for JsonKey {
    fn from(member: &str) -> Self {
        Self::Member(member.into())
    }
}

impl From<String> for JsonKey {
    fn from(member: String) -> Self {
        Self::Member(member)
    }
}

impl From<usize> for JsonKey {
    fn from(element: usize) -> Self {
        Self::Element(element)
    }
}

/// Rows at the other end of a relation.
#[derive(Clone)]
pub(crate) struct RelatedRows {
    pub(crate) rel: Rel,
    pub(crate) filters: Vec<Node>,
    pub(crate) order: Vec<OrderKey>,
    pub(crate) limit: Option<u64>,
}

impl RelatedRows {
    pub(crate) fn all(rel: Rel) -> Self {
        Self { rel, filters: Vec::new(), order: Vec::new(), limit: None }
    }
}

impl Term {
    /// Visits the term and those within it, sub-queries and their insides excepted.
    pub(crate) fn visit<'t>(&'t self, see: &mut dyn FnMut(&'t Term)) {
        see(self);
        match self {
            Term::Call(_, terms) | Term::Raw(_, terms) => terms.iter().for_each(|term| term.visit(see)),
            Term::Aggregate(aggregate) => aggregate.of.iter().for_each(|term| term.visit(see)),
            Term::Arithmetic(_, pair) => {
                pair.0.visit(see);
                pair.1.visit(see);
            }
            Term::Cast(term, _) | Term::Json(_, term, _) => term.visit(see),
            Term::Column(_) | Term::Value(..) | Term::Null | Term::Through(..) | Term::CountRelated(_) => {}
        }
    }

    /// Whether rows are aggregated anywhere in it.
    pub(crate) fn has_aggregate(&self) -> bool {
        let mut found = false;
        self.visit(&mut |term| found |= matches!(term, Term::Aggregate(_)));
        found
    }

    /// The column, if it is one and nothing else.
    pub(crate) fn as_column(&self) -> Option<&'static Col> {
        match self {
            Term::Column(col) => Some(col),
            _ => None,
        }
    }
}
