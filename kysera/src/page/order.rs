//! Orders of keyset pages, and what comes behind a place in one.

use std::hash::Hasher;
use std::sync::Arc;

use super::break_ties;
use crate::backend::{Backend, Dialect};
use crate::cursor::Fnv;
use crate::error::{Error, Result};
use crate::expr::{Codec, Col, Compare, Meta, Node, Nulls, OrderKey, Term, Value};

/// A column that pages are ordered by.
#[derive(Clone, Copy)]
pub(super) struct Key {
    pub(super) col: &'static Col,
    descending: bool,
    /// Where its NULLs stand, if it may have some.
    nulls: Option<Nulls>,
}

/// The order of a walk through pages: total, and explicit about NULLs.
#[derive(Clone)]
pub(super) struct Walk {
    meta: &'static Meta,
    dialect: Dialect,
    pub(super) keys: Vec<Key>,
}

/// A value of the order at some place, and how it is bound; `None` is NULL.
pub(super) type KeyValue = Option<(&'static Codec, Value)>;

/// A place in a walk, right behind or right before where a row is, or was.
pub(super) struct Place {
    pub(super) values: Vec<KeyValue>,
    pub(super) side: Side,
}

/// The rows on one side of a place.
pub(super) struct Beyond {
    /// All of them.
    pub(super) all: Node,
    /// Those with a value in the first column of the order and those with NULL, if both are there and no index finds them
    /// with one condition.
    pub(super) apart: Option<[Arm; 2]>,
    /// Whether none of them has NULL in the first column.
    pub(super) valued: bool,
    /// The order in which all of them are met.
    pub(super) order: Vec<OrderKey>,
}

/// Some of them, as an index finds them.
pub(super) struct Arm {
    pub(super) rows: Node,
    pub(super) order: Vec<OrderKey>,
}

/// On which side of its row a place is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Before,
    Behind,
}

impl Walk {
    /// The walk of an order, if rows have values for all of it.
    pub(super) fn new(order: &[OrderKey], meta: &'static Meta, dialect: Dialect) -> Result<Self> {
        let mut order = order.to_vec();
        break_ties(&mut order, meta);
        let mut keys: Vec<Key> = Vec::with_capacity(order.len());
        for OrderKey { term, descending, nulls } in order {
            let known = |col: &&'static Col| meta.columns.get(col.index).is_some_and(|known| known.is(col));
            let Some(col) = term.as_column().filter(known) else {
                let text = format!(
                    "keyset pages of {} are ordered by its columns: an expression, or a column of another entity, has no \
                     value in a row that the next page could begin behind",
                    meta.entity
                );
                return Err(Error::BadRequest(text.into()));
            };
            if col.codec.json.is_none() {
                return Err(no_cursor_form(meta, col));
            }
            let nulls = col.codec.nullable.then(|| nulls.unwrap_or(dialect.native_nulls(descending)));
            // Where a column comes again there are no ties left for it to break.
            if !keys.iter().any(|key| key.col.is(col)) {
                keys.push(Key { col, descending, nulls });
            }
        }
        Ok(Self { meta, dialect, keys })
    }

    /// Whether the database compares the columns as it orders them, which a row of theirs tells.
    pub(super) fn check_columns<DB: Backend>(&self, row: &DB::Row) -> Result<()> {
        for key in &self.keys {
            if !DB::has_one_order(row, key.col.index)? {
                return Err(two_orders(self.meta, key.col));
            }
        }
        Ok(())
    }

    /// The walk back.
    pub(super) fn reversed(&self) -> Self {
        let reverse = |key: &Key| Key {
            col: key.col,
            descending: !key.descending,
            nulls: key.nulls.map(|nulls| if nulls == Nulls::First { Nulls::Last } else { Nulls::First }),
        };
        Self { keys: self.keys.iter().map(reverse).collect(), ..*self }
    }

    pub(super) fn order(&self) -> Vec<OrderKey> {
        let key = |key: &Key| OrderKey {
            term: Term::Column(key.col),
            descending: key.descending,
            nulls: key.nulls,
        };
        self.keys.iter().map(key).collect()
    }

    /// What tells the entity, and what tells the order of it, from all others.
    pub(super) fn fingerprints(&self) -> [u64; 2] {
        let mut entity = Fnv::default();
        entity.write(self.meta.schema.unwrap_or_default().as_bytes());
        entity.write(b"\0");
        entity.write(self.meta.table.as_bytes());
        let mut order = Fnv::default();
        // Each database writes values in its own way.
        order.write(self.dialect.name().as_bytes());
        for key in &self.keys {
            order.write(b"\0");
            order.write(key.col.name.as_bytes());
            let nulls = match key.nulls {
                None => 0,
                Some(Nulls::First) => 1,
                Some(Nulls::Last) => 2,
            };
            order.write(&[0, u8::from(key.descending), nulls]);
        }
        [entity.finish(), order.finish()]
    }

    /// The rows that this walk meets behind a place.
    pub(super) fn behind(&self, place: &Place) -> Beyond {
        self.rows_beyond(place, place.side == Side::Before)
    }

    /// The rows that it meets before the place, as the walk back meets them.
    pub(super) fn before(&self, place: &Place) -> Beyond {
        self.reversed().rows_beyond(place, place.side == Side::Behind)
    }

    fn rows_beyond(&self, place: &Place, or_equal: bool) -> Beyond {
        let all = self.beyond(&place.values, or_equal);
        let mut beyond = Beyond { all, apart: None, valued: false, order: self.order() };
        let (Some(first), Some(Some(_))) = (self.keys.first(), place.values.first()) else {
            return beyond;
        };
        // Among values alone it does not matter where NULLs stand. On PostgreSQL it does to an index, which may have been made
        // for this order.
        let mut order = self.order();
        if self.dialect != Dialect::Postgres {
            order.iter_mut().take(1).for_each(|key| key.nulls = None);
        }
        // For MySQL, NULLs and values are one range of an index that has them in this order.
        let native = first.nulls == Some(self.dialect.native_nulls(first.descending));
        if first.nulls != Some(Nulls::Last) {
            beyond.valued = true;
            beyond.order = order;
        } else if !(native && self.dialect == Dialect::MySql) {
            let mut walk = self.clone();
            walk.keys.iter_mut().take(1).for_each(|key| key.nulls = None);
            let values = Arm { rows: walk.beyond(&place.values, or_equal), order };
            let mut nulls = Arm { rows: first.is_null(false), order: self.order() };
            // MariaDB sorts by a column that is nothing but NULL. The others take the index for the whole order alone.
            if self.dialect == Dialect::MySql {
                nulls.order.drain(..1);
            }
            beyond.apart = Some([values, nulls]);
        }
        beyond
    }

    /// The rows that come after those with these values in the order, and with `or_equal` those as well.
    fn beyond(&self, values: &[KeyValue], or_equal: bool) -> Node {
        let keys: Vec<(&Key, &KeyValue)> = self.keys.iter().zip(values).collect();
        let Some(&(first, _)) = keys.first() else { return Node::All(Vec::new()) };
        // A comparison with NULL is not true: that drops rows with NULLs, which is right if they come first and the place
        // is at none of them.
        let comparable = keys.iter().all(|(key, value)| {
            key.descending == first.descending && value.is_some() && key.nulls != Some(Nulls::Last)
        });
        if keys.len() > 1 && comparable && self.dialect.has_row_ranges() {
            return Node::CompareRows {
                left: keys.iter().map(|(key, _)| Term::Column(key.col)).collect(),
                op: first.beyond(or_equal),
                right: keys.iter().filter_map(|(_, value)| value.as_ref().map(term)).collect(),
            };
        }
        chain(&keys, or_equal)
    }
}

/// `a >= 1 AND (a > 1 OR (a = 1 AND ..))`. The first condition says nothing new, and is what an index is searched for.
fn chain(keys: &[(&Key, &KeyValue)], or_equal: bool) -> Node {
    let Some((&(key, value), rest)) = keys.split_first() else {
        return Node::All(Vec::new());
    };
    if rest.is_empty() {
        return if or_equal {
            key.from(value).unwrap_or(Node::All(Vec::new()))
        } else {
            key.after(value).unwrap_or(Node::Any(Vec::new()))
        };
    }
    let ties = Node::All(vec![key.at(value), chain(rest, or_equal)]);
    let Some(after) = key.after(value) else { return ties };
    let beyond = Node::Any(vec![after, ties]);
    match key.from(value) {
        Some(from) => Node::All(vec![from, beyond]),
        None => beyond,
    }
}

fn term((codec, value): &(&'static Codec, Value)) -> Term {
    Term::Value(codec, Arc::clone(value))
}

impl Key {
    fn beyond(&self, or_equal: bool) -> Compare {
        match (self.descending, or_equal) {
            (false, false) => Compare::Gt,
            (false, true) => Compare::Ge,
            (true, false) => Compare::Lt,
            (true, true) => Compare::Le,
        }
    }

    fn is_null(&self, negated: bool) -> Node {
        Node::IsNull { term: Term::Column(self.col), negated }
    }

    /// Whether it comes after the value; `None` if nothing does.
    fn after(&self, value: &KeyValue) -> Option<Node> {
        match value {
            Some(value) => Some(self.compare(self.beyond(false), value)),
            None => (self.nulls == Some(Nulls::First)).then(|| self.is_null(true)),
        }
    }

    /// Whether it is the value or comes after it; `None` if everything does.
    fn from(&self, value: &KeyValue) -> Option<Node> {
        match value {
            Some(value) => Some(self.compare(self.beyond(true), value)),
            None => (self.nulls == Some(Nulls::Last)).then(|| self.is_null(false)),
        }
    }

    /// Whether it is the value.
    fn at(&self, value: &KeyValue) -> Node {
        match value {
            Some(value) => {
                Node::Compare { left: Term::Column(self.col), op: Compare::Eq, right: term(value) }
            }
            None => self.is_null(false),
        }
    }

    fn compare(&self, op: Compare, value: &(&'static Codec, Value)) -> Node {
        let node = Node::Compare { left: Term::Column(self.col), op, right: term(value) };
        if self.nulls == Some(Nulls::Last) { Node::Any(vec![node, self.is_null(false)]) } else { node }
    }
}

pub(super) fn no_cursor_form(meta: &Meta, col: &Col) -> Error {
    let text = format!(
        "keyset pages of {} cannot be ordered by the column `{}`: its values cannot be written into a cursor, which takes \
         serde's `Serialize` and `Deserialize` for its type",
        meta.entity, col.name
    );
    Error::BadRequest(text.into())
}

fn two_orders(meta: &Meta, col: &Col) -> Error {
    let text = format!(
        "keyset pages of {} cannot be ordered by the column `{}`: MySQL orders an ENUM by the places of its values and \
         compares it by their texts; make the column a VARCHAR, or take pages by number",
        meta.entity, col.name
    );
    Error::BadRequest(text.into())
}
