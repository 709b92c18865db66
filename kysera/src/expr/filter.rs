//! Filters: plain data, without a database in their type.

use std::marker::PhantomData;
use std::ops::{BitAnd, BitOr, Not};
use std::sync::Arc;

use super::claim::{ClaimMeta, Equals};
use super::relation::Rel;
use super::term::{RelatedRows, Term, same_value};
use super::value::{Codec, Value};

/// A condition on rows of entity `E`, made by the methods of [`Column`](super::Column) and [`Expr`](super::Expr), and
/// combined with `&`, `|` and `!`.
///
/// A filter is plain data and knows no database, so reusable ones are ordinary functions:
///
/// ```
/// # #[cfg(feature = "sqlite")] mod doc {
/// # use kysera::prelude::*;
/// # #[derive(Repository)]
/// # #[kysera(table = "users")]
/// # struct User { #[kysera(id)] id: i64, age: i32, name: String }
/// fn adults() -> Filter<User> {
///     User::AGE.ge(18)
/// }
///
/// fn named(name: &str) -> Filter<User> {
///     adults() & (User::NAME.eq(name) | !User::NAME.starts_with("x"))
/// }
/// # }
/// ```
pub struct Filter<E> {
    pub(crate) node: Node,
    entity: PhantomData<fn() -> E>,
}

/// The tree of a [`Filter`].
#[derive(Clone)]
pub(crate) enum Node {
    Compare {
        left: Term,
        op: Compare,
        right: Term,
    },
    /// `null`: NULL is among the values, which themselves have none.
    In {
        left: Term,
        codec: &'static Codec,
        values: Arc<[Value]>,
        null: bool,
        negated: bool,
    },
    /// Two rows of values, compared from the left.
    CompareRows {
        left: Vec<Term>,
        op: Compare,
        right: Vec<Term>,
    },
    IsNull {
        term: Term,
        negated: bool,
    },
    Text {
        term: Term,
        kind: TextMatch,
        text: String,
    },
    /// PostgreSQL's arrays.
    Array {
        left: Term,
        op: ArrayOp,
        right: Term,
    },
    /// The term is a condition by itself.
    Holds(Term),
    /// There is such a row at the other end of a relation.
    Related {
        rows: Box<RelatedRows>,
        negated: bool,
    },
    /// The value is one of those that the context has.
    InClaim {
        left: Term,
        claim: &'static ClaimMeta,
    },
    /// The context has this value, whatever the row.
    ClaimIs {
        claim: &'static ClaimMeta,
        value: Value,
        equals: Equals,
    },
    /// A row that is reached by following a relation of an entity to itself, once or more often.
    Reachable {
        rel: Rel,
        filters: Vec<Node>,
    },
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
}

impl Node {
    /// Whether it compares something with a column whose values are for nobody's eyes. What stands in it as a condition of
    /// its own says so by itself.
    pub(super) fn is_sensitive(&self) -> bool {
        let mut found = false;
        if !matches!(self, Node::All(_) | Node::Any(_) | Node::Not(_)) {
            self.terms(&mut |term| found |= term.is_sensitive());
        }
        found
    }

    /// Visits the terms that it compares, those of rows at the other end of a relation excepted.
    pub(crate) fn terms<'n>(&'n self, see: &mut dyn FnMut(&'n Term)) {
        match self {
            Node::Compare { left, right, .. } | Node::Array { left, right, .. } => {
                see(left);
                see(right);
            }
            Node::CompareRows { left, right, .. } => left.iter().chain(right).for_each(see),
            Node::In { left: term, .. }
            | Node::InClaim { left: term, .. }
            | Node::IsNull { term, .. }
            | Node::Text { term, .. }
            | Node::Holds(term) => see(term),
            Node::All(nodes) | Node::Any(nodes) => nodes.iter().for_each(|node| node.terms(see)),
            Node::Not(node) => node.terms(see),
            Node::Related { .. } | Node::Reachable { .. } | Node::ClaimIs { .. } => {}
        }
    }

    /// Visits the relations that it asks for from the row at hand.
    pub(crate) fn relations<'n>(&'n self, see: &mut dyn FnMut(&'n Rel)) {
        match self {
            Node::Related { rows, .. } => see(&rows.rel),
            Node::Reachable { rel, .. } => see(rel),
            Node::All(nodes) | Node::Any(nodes) => nodes.iter().for_each(|node| node.relations(see)),
            Node::Not(node) => node.relations(see),
            _ => {}
        }
    }

    /// Visits all relations that it asks for, from whichever row.
    #[cfg(feature = "postgres")]
    pub(crate) fn relations_deep<'n>(&'n self, see: &mut dyn FnMut(&'n Rel)) {
        self.relations(see);
        self.terms(&mut |term| term.relations_deep(see));
        self.inner_relations(see);
    }

    /// Those within related rows alone.
    #[cfg(feature = "postgres")]
    fn inner_relations<'n>(&'n self, see: &mut dyn FnMut(&'n Rel)) {
        match self {
            Node::Related { rows, .. } => rows.filters.iter().for_each(|node| node.relations_deep(see)),
            Node::Reachable { filters, .. } => filters.iter().for_each(|node| node.relations_deep(see)),
            Node::All(nodes) | Node::Any(nodes) => nodes.iter().for_each(|node| node.inner_relations(see)),
            Node::Not(node) => node.inner_relations(see),
            _ => {}
        }
    }

    /// Whether both say the same. False where that is not known.
    pub(crate) fn same(&self, other: &Node) -> bool {
        match (self, other) {
            (
                Node::Compare { left: a, op, right: b },
                Node::Compare { left: other_a, op: other_op, right: other_b },
            ) => op == other_op && a.same(other_a) && b.same(other_b),
            (
                Node::In { left: a, codec, values, null, negated },
                Node::In { left: b, values: other, null: other_null, negated: other_negated, .. },
            ) => {
                let all = values.len() == other.len()
                    && values.iter().zip(&**other).all(|(a, b)| same_value(codec, &**a, &**b));
                null == other_null && negated == other_negated && all && a.same(b)
            }
            (Node::IsNull { term: a, negated }, Node::IsNull { term: b, negated: other }) => {
                negated == other && a.same(b)
            }
            (
                Node::Text { term: a, kind, text },
                Node::Text { term: b, kind: other_kind, text: other_text },
            ) => kind == other_kind && text == other_text && a.same(b),
            (Node::Holds(a), Node::Holds(b)) => a.same(b),
            (Node::Related { rows: a, negated }, Node::Related { rows: b, negated: other }) => {
                negated == other && a.same(b)
            }
            (Node::InClaim { left: a, claim }, Node::InClaim { left: b, claim: other }) => {
                claim.is(other) && a.same(b)
            }
            (Node::ClaimIs { claim, value, .. }, Node::ClaimIs { claim: other, value: other_value, .. }) => {
                claim.is(other) && same_value(claim.codec, &**value, &**other_value)
            }
            (Node::Reachable { rel, filters }, Node::Reachable { rel: other, filters: other_filters }) => {
                rel.leads_as(other) && Self::all_same(filters, other_filters)
            }
            (Node::All(a), Node::All(b)) | (Node::Any(a), Node::Any(b)) => Self::all_same(a, b),
            (Node::Not(a), Node::Not(b)) => a.same(b),
            _ => false,
        }
    }

    pub(super) fn all_same(a: &[Node], b: &[Node]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b))
    }
}

/// How a column compares with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compare {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

/// How a column is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextMatch {
    Contains,
    StartsWith,
    EndsWith,
    Like,
    NotLike,
    /// The case of letters does not count.
    EqualsIgnoreCase,
    ContainsIgnoreCase,
    StartsWithIgnoreCase,
    EndsWithIgnoreCase,
    LikeIgnoreCase,
}

/// How two arrays compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArrayOp {
    Contains,
    ContainedBy,
    Overlaps,
}

impl<E> Clone for Filter<E> {
    fn clone(&self) -> Self {
        Self::of(self.node.clone())
    }
}

impl<E> Filter<E> {
    pub(crate) fn of(node: Node) -> Self {
        Self { node, entity: PhantomData }
    }

    /// All of them hold; without any, every row matches.
    pub fn all(filters: impl IntoIterator<Item = Self>) -> Self {
        Self::of(Node::All(filters.into_iter().map(|filter| filter.node).collect()))
    }

    /// One of them holds; without any, no row matches.
    pub fn any(filters: impl IntoIterator<Item = Self>) -> Self {
        Self::of(Node::Any(filters.into_iter().map(|filter| filter.node).collect()))
    }

    /// It does not hold: the same as `!filter`. As in SQL, a row for which it is neither true nor false, because a NULL
    /// is compared, matches neither the filter nor its negation.
    #[allow(
        clippy::should_implement_trait,
        reason = "it is implemented too; this is its name beside `all` and `any`"
    )]
    pub fn not(filter: Self) -> Self {
        !filter
    }
}

impl<E> BitAnd for Filter<E> {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self::of(match self.node {
            Node::All(mut nodes) if !nodes.is_empty() => {
                nodes.push(other.node);
                Node::All(nodes)
            }
            node => Node::All(vec![node, other.node]),
        })
    }
}

impl<E> BitOr for Filter<E> {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self::of(match self.node {
            Node::Any(mut nodes) if !nodes.is_empty() => {
                nodes.push(other.node);
                Node::Any(nodes)
            }
            node => Node::Any(vec![node, other.node]),
        })
    }
}

/// The negation, with SQL's three values: a row for which the filter is neither true nor false, because a NULL is
/// compared, matches neither the filter nor its negation.
impl<E> Not for Filter<E> {
    type Output = Self;

    fn not(self) -> Self {
        Self::of(Node::Not(Box::new(self.node)))
    }
}
