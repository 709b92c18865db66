//! Relations without types: what the renderer needs to know of one.

use super::meta::{Col, Meta};

/// How rows of one entity lead to rows of another.
#[derive(Clone, Copy)]
pub struct Rel {
    /// Its name on the struct.
    pub(crate) name: &'static str,
    /// The column of the row at hand.
    pub(crate) parent: &'static Col,
    /// The table at the other end.
    pub(crate) meta: &'static Meta,
    /// The column there that has the same value.
    pub(crate) key: &'static Col,
    /// The table between the two, if there is one.
    pub(crate) via: Option<Via>,
}

/// A table that links two others.
#[derive(Clone, Copy)]
pub struct Via {
    pub(crate) meta: &'static Meta,
    /// The column that has the value of [`Rel::parent`].
    pub(crate) parent: &'static Col,
    /// The column that has the value of [`Rel::key`].
    pub(crate) target: &'static Col,
}

impl Rel {
    /// The table whose rows tell the key of the row at hand, and the column that has it.
    pub(crate) fn keyed(&self) -> (&'static Meta, &'static Col) {
        match self.via {
            Some(via) => (via.meta, via.parent),
            None => (self.meta, self.key),
        }
    }

    /// Whether the values of its keys are for nobody's eyes.
    pub(crate) fn is_sensitive(&self) -> bool {
        self.parent.codec.sensitive || self.keyed().1.codec.sensitive
    }

    /// Whether it is the same one, through a table or not.
    pub(crate) fn leads_as(&self, other: &Rel) -> bool {
        let same_link = match (self.via, other.via) {
            (None, None) => true,
            (Some(a), Some(b)) => a.parent.is(b.parent) && a.target.is(b.target),
            _ => false,
        };
        same_link && self.name == other.name && self.parent.is(other.parent) && self.key.is(other.key)
    }

    /// Whether it is the same one, and could be joined.
    pub(crate) fn is(&self, other: &Rel) -> bool {
        self.via.is_none() && self.leads_as(other)
    }
}
