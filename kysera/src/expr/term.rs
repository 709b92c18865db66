//! SQL expressions without types.

use super::claim::ClaimMeta;
use super::filter::Node;
use super::meta::Col;
use super::order::OrderKey;
use super::plug::Deleted;
use super::relation::Rel;
use super::value::{AnyValue, Codec, Value};

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
    /// What the context says of who asks; NULL where it says nothing.
    Claim(&'static ClaimMeta),
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
    #[cfg_attr(not(feature = "decimal"), allow(dead_code, reason = "for decimals"))]
    Sum,
    /// As a double.
    AvgFloat,
    /// In the type that the database has for it.
    #[cfg_attr(not(feature = "decimal"), allow(dead_code, reason = "for decimals"))]
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

/// The steps to a place in a JSON document: `["ui", "theme"]`, or whatever else can be walked through.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no path into a JSON document",
    label = "expected a list of steps",
    note = "a path is a list of names and places, if only of one: `[\"theme\"]`, `[\"ui\", \"theme\"]`"
)]
pub trait JsonPath {
    /// The steps.
    fn into_steps(self) -> Vec<JsonKey>;
}

#[diagnostic::do_not_recommend]
impl<P: IntoIterator<Item: Into<JsonKey>>> JsonPath for P {
    fn into_steps(self) -> Vec<JsonKey> {
        self.into_iter().map(Into::into).collect()
    }
}

/// Rows at the other end of a relation.
#[derive(Clone)]
pub(crate) struct RelatedRows {
    pub(crate) rel: Rel,
    pub(crate) filters: Vec<Node>,
    pub(crate) order: Vec<OrderKey>,
    pub(crate) limit: Option<u64>,
    pub(crate) deleted: Deleted,
}

impl RelatedRows {
    pub(crate) fn all(rel: Rel) -> Self {
        Self { rel, filters: Vec::new(), order: Vec::new(), limit: None, deleted: Deleted::Hidden }
    }

    /// Whether both are the same rows, whatever their order and limit. False where that is not known.
    pub(super) fn same(&self, other: &Self) -> bool {
        self.rel.leads_as(&other.rel)
            && self.deleted == other.deleted
            && Node::all_same(&self.filters, &other.filters)
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
            Term::Column(_)
            | Term::Value(..)
            | Term::Null
            | Term::Through(..)
            | Term::CountRelated(_)
            | Term::Claim(_) => {}
        }
    }

    /// Visits all relations that it asks for, from whichever row.
    #[cfg(feature = "postgres")]
    pub(crate) fn relations_deep<'t>(&'t self, see: &mut dyn FnMut(&'t Rel)) {
        self.visit(&mut |term| match term {
            Term::Through(rel, of) => {
                see(rel);
                of.relations_deep(see);
            }
            Term::CountRelated(rows) => {
                see(&rows.rel);
                rows.filters.iter().for_each(|node| node.relations_deep(see));
            }
            _ => {}
        });
    }

    /// Whether it reads a column whose values are for nobody's eyes.
    pub(crate) fn is_sensitive(&self) -> bool {
        let mut found = false;
        self.visit(&mut |term| {
            found |= match term {
                Term::Column(col) => col.codec.sensitive,
                Term::Value(codec, _) => codec.sensitive,
                Term::Through(_, of) => of.is_sensitive(),
                _ => false,
            }
        });
        found
    }

    /// Whether rows are aggregated anywhere in it.
    pub(crate) fn has_aggregate(&self) -> bool {
        let mut found = false;
        self.visit(&mut |term| found |= matches!(term, Term::Aggregate(_)));
        found
    }

    /// Whether it is NULL where all columns of its row are.
    pub(crate) fn is_null_without_row(&self) -> bool {
        match self {
            // A sub-query finds nothing without a key.
            // A mask is a value of its own.
            Term::Column(col) => col.guard.is_none_or(|guard| guard.mask.is_none()),
            Term::Null | Term::Through(..) => true,
            Term::Call(Call::Coalesce, _) => false,
            Term::Call(_, terms) => terms.iter().any(Term::is_null_without_row),
            Term::Arithmetic(_, pair) => pair.0.is_null_without_row() || pair.1.is_null_without_row(),
            Term::Cast(term, _) => term.is_null_without_row(),
            Term::Json(..)
            | Term::Value(..)
            | Term::Aggregate(_)
            | Term::CountRelated(_)
            | Term::Raw(..)
            | Term::Claim(_) => false,
        }
    }

    /// The column, if it is one and nothing else.
    pub(crate) fn as_column(&self) -> Option<&'static Col> {
        match self {
            Term::Column(col) => Some(col),
            _ => None,
        }
    }

    /// Whether a database would take two copies of it, written out, for different expressions: it has arguments, or
    /// sub-queries with names of their own.
    pub(crate) fn is_opaque(&self) -> bool {
        let mut found = false;
        self.visit(&mut |term| {
            found |=
                matches!(term, Term::Value(..) | Term::Through(..) | Term::CountRelated(_) | Term::Claim(_));
        });
        found
    }

    /// Whether both say the same. False where that is not known.
    pub(crate) fn same(&self, other: &Term) -> bool {
        match (self, other) {
            (Term::Column(a), Term::Column(b)) => a.is(b),
            (Term::Value(codec, a), Term::Value(_, b)) => same_value(codec, &**a, &**b),
            (Term::Null, Term::Null) => true,
            (Term::Call(a, of_a), Term::Call(b, of_b)) => a == b && all_same(of_a, of_b),
            (Term::Aggregate(a), Term::Aggregate(b)) => {
                let same_argument = match (&a.of, &b.of) {
                    (Some(a), Some(b)) => a.same(b),
                    (None, None) => true,
                    _ => false,
                };
                a.function == b.function && a.distinct == b.distinct && same_argument
            }
            (Term::Arithmetic(a, of_a), Term::Arithmetic(b, of_b)) => {
                a == b && of_a.0.same(&of_b.0) && of_a.1.same(&of_b.1)
            }
            (Term::Cast(of_a, a), Term::Cast(of_b, b)) => a == b && of_a.same(of_b),
            (Term::Json(a, of_a, path_a), Term::Json(b, of_b, path_b)) => {
                a == b && path_a == path_b && of_a.same(of_b)
            }
            (Term::Through(a, of_a), Term::Through(b, of_b)) => a.is(b) && of_a.same(of_b),
            (Term::CountRelated(a), Term::CountRelated(b)) => a.same(b),
            (Term::Raw(a, of_a), Term::Raw(b, of_b)) => a == b && all_same(of_a, of_b),
            (Term::Claim(a), Term::Claim(b)) => a.is(b),
            _ => false,
        }
    }

    /// What errors call it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Term::Column(col) => col.name,
            Term::Through(_, term) => term.name(),
            _ => "(expression)",
        }
    }
}

fn all_same(a: &[Term], b: &[Term]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b))
}

/// Whether both are the same value of one type. False where that is not known, as of a type that serde does not know.
///
/// Not by `==`, which takes 0.0 for -0.0 and, for types of users, whatever they like.
pub(crate) fn same_value(codec: &Codec, a: &AnyValue, b: &AnyValue) -> bool {
    if std::ptr::addr_eq(a, b) {
        return true;
    }
    if a.type_id() != b.type_id() {
        return false;
    }
    // It may be written as a float, by a feature that any crate can switch on.
    #[cfg(feature = "decimal")]
    if let (Some(a), Some(b)) = (decimal_of(a), decimal_of(b)) {
        return a.serialize() == b.serialize();
    }
    matches!((codec.to_exact_json(a), codec.to_exact_json(b)), (Some(a), Some(b)) if a == b)
}

#[cfg(feature = "decimal")]
fn decimal_of(value: &AnyValue) -> Option<sqlx::types::Decimal> {
    value.downcast_ref().copied().or_else(|| *value.downcast_ref::<Option<sqlx::types::Decimal>>()?)
}
