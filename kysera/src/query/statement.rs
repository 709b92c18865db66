//! The text of a query.

use std::borrow::Cow;
use std::sync::Arc;

use super::lock::Lock;
use super::shape::{Items, Shape, SqlBox};
use crate::backend::Backend;
use crate::expr::{Action, Deleted, Join, Meta, Node, OrderKey, Sql, Term};
use crate::source::{Cx, Source};

/// What a query says, without types.
#[derive(Clone, Default)]
pub(crate) struct Query {
    pub(crate) filters: Vec<Node>,
    pub(crate) order: Vec<OrderKey>,
    pub(crate) limit: Option<u64>,
    pub(crate) offset: Option<u64>,
    pub(crate) joins: Vec<Join>,
    pub(crate) distinct: bool,
    pub(crate) group: Vec<Term>,
    pub(crate) having: Vec<Node>,
    pub(crate) lock: Option<Lock>,
    pub(crate) deleted: Deleted,
    /// What it is about, if that is an audit log.
    pub(crate) log: Option<Log>,
}

/// An audit log.
#[derive(Clone, Default)]
pub(crate) struct Log {
    /// The table that it is in, if that is not the one that the struct names.
    pub(crate) table: Option<OtherTable>,
    /// Only the entries of one row.
    pub(crate) row: Option<Arc<dyn RowOf>>,
}

/// A table that stands in for the one that a struct names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OtherTable {
    pub(crate) schema: Option<Cow<'static, str>>,
    pub(crate) table: Cow<'static, str>,
}

/// The row of some entity that entries are about.
pub(crate) trait RowOf: Send + Sync {
    /// Writes a condition on the entry at hand.
    fn write<'q>(&'q self, sql: &mut Sql<'q>);
}

/// Begins a statement that runs on a source.
pub(crate) fn sql_at<S: Source>(source: &S) -> Sql<'_> {
    Cx::of(source, "find").sql::<S::Database>()
}

impl Query {
    /// Whether rows of the result are not rows of the table.
    pub(crate) fn is_condensed(&self) -> bool {
        self.distinct || !self.group.is_empty() || !self.having.is_empty()
    }

    /// `SELECT .. FROM .. WHERE .. GROUP BY .. HAVING .. ORDER BY .. LIMIT .. OFFSET ..`
    pub(crate) fn select<'q, DB: Backend, X: Shape<DB>>(
        &'q self,
        mut sql: Sql<'q>,
        meta: &'static Meta,
        shape: &'q X,
        limit: Option<u64>,
    ) -> Sql<'q> {
        if let Err(error) = self.check_order::<DB, X>(meta, shape) {
            sql.refuse(error);
        }
        match shape.fixed(DB::DIALECT) {
            Some(text) if self.has_fixed_head() && !sql.is_elsewhere(meta) => {
                sql.push(text);
            }
            _ => {
                self.head::<DB, X>(&mut sql, meta, shape, false);
            }
        }
        let aggregates = self.aggregates(shape);
        self.rest(&mut sql, meta, aggregates, limit);
        if let Some(lock) = self.lock {
            lock.write(&mut sql, self, aggregates, meta);
        }
        sql
    }

    /// ` WHERE .. GROUP BY .. HAVING .. ORDER BY .. LIMIT .. OFFSET ..`
    pub(crate) fn rest<'q>(
        &'q self,
        sql: &mut Sql<'q>,
        meta: &'static Meta,
        aggregates: bool,
        limit: Option<u64>,
    ) {
        self.conditions(sql, meta);
        if aggregates {
            sql.aggregating(|sql| {
                sql.order(&self.order);
            });
        } else {
            sql.order(&self.order);
        }
        sql.limit(limit, self.offset);
    }

    /// `SELECT .. FROM .. JOIN ..`
    pub(crate) fn head<'q, DB: Backend, X: Shape<DB>>(
        &'q self,
        sql: &mut Sql<'q>,
        meta: &'static Meta,
        shape: &'q X,
        names: bool,
    ) {
        if let Err(error) = self.check_items::<DB, X>(meta, shape) {
            sql.refuse(error);
        }
        if let Some(Items(items)) = shape.items() {
            sql.selecting(items);
        }
        if self.is_condensed() {
            sql.condensed(&self.group);
        }
        sql.push(if self.distinct { "SELECT DISTINCT " } else { "SELECT " }).with_joins(&self.joins);
        sql.aggregating(|sql| shape.write(&mut SqlBox(sql), names));
        sql.push(" FROM ");
        self.table(sql, meta).joins(&self.joins);
    }

    /// Whether it begins as every query of the entity does.
    fn has_fixed_head(&self) -> bool {
        self.joins.is_empty() && !self.distinct && self.log.as_ref().is_none_or(|log| log.table.is_none())
    }

    /// The table that it reads, under the name of the entity's own.
    pub(crate) fn table<'s, 'q>(&'q self, sql: &'s mut Sql<'q>, meta: &'static Meta) -> &'s mut Sql<'q> {
        match self.log.as_ref().and_then(|log| log.table.as_ref()) {
            Some(OtherTable { schema, table }) => {
                sql.schema_of(schema.as_deref()).ident(table).push(" AS ").ident(meta.table)
            }
            None => sql.table(meta),
        }
    }

    /// ` WHERE .. GROUP BY .. HAVING ..`
    pub(crate) fn conditions<'q>(&'q self, sql: &mut Sql<'q>, meta: &'static Meta) {
        // Who locks a row does so to change it.
        let actions: &[Action] =
            if self.lock.is_some() { &[Action::Read, Action::Update] } else { &[Action::Read] };
        let before = sql.len();
        match &self.log {
            // What narrows a log stands behind the filters.
            Some(_) => sql.filters(&self.filters),
            None => sql.conditions(meta, self.deleted, actions, &self.filters),
        };
        if let Some(row) = self.log.as_ref().and_then(|log| log.row.as_ref()) {
            sql.push(if sql.len() == before { " WHERE " } else { " AND " });
            row.write(sql);
        }
        if self.is_condensed() {
            sql.condensed(&self.group);
        }
        if !self.group.is_empty() {
            let mut others: Vec<_> = self.order.iter().map(|key| &key.term).collect();
            let mut parents = Vec::new();
            for node in &self.having {
                node.terms(&mut |term| others.push(term));
                node.relations(&mut |rel| parents.push(rel.parent));
            }
            sql.groups(others.into_iter(), &parents);
        }
        if !self.having.is_empty() {
            sql.push(" HAVING ").aggregating(|sql| {
                sql.list(&self.having, " AND ", |sql, node| {
                    sql.filter(node);
                });
            });
        }
    }

    /// `SELECT 1 FROM ..`
    pub(crate) fn exists<'q, DB: Backend, X: Shape<DB>>(
        &'q self,
        sql: &mut Sql<'q>,
        meta: &'static Meta,
        shape: &'q X,
    ) {
        if let Err(error) = self.check_items::<DB, X>(meta, shape) {
            sql.refuse(error);
        }
        if self.distinct && self.offset.is_some() {
            // Which rows there are behind the first ones depends on which of them are equal.
            self.head::<DB, X>(sql, meta, shape, false);
            return self.conditions(sql, meta);
        }
        // Without groups, aggregates have a row even where the table has none.
        let one_row = self.group.is_empty() && self.aggregates(shape);
        sql.push(if one_row { "SELECT COUNT(*) FROM " } else { "SELECT 1 FROM " });
        sql.with_joins(&self.joins);
        self.table(sql, meta).joins(&self.joins);
        self.conditions(sql, meta);
    }

    /// `SELECT COUNT(*) FROM ..`; of groups and of different rows, if the query is about those.
    pub(crate) fn count<'q, DB: Backend, X: Shape<DB>>(
        &'q self,
        sql: &mut Sql<'q>,
        meta: &'static Meta,
        shape: &'q X,
    ) {
        if self.is_condensed() || self.aggregates(shape) {
            sql.push("SELECT COUNT(*) FROM (");
            self.head::<DB, X>(sql, meta, shape, true);
            self.conditions(sql, meta);
            sql.push(") AS ").ident("kysera_counted");
        } else {
            sql.push("SELECT COUNT(*) FROM ").with_joins(&self.joins);
            self.table(sql, meta).joins(&self.joins);
            self.conditions(sql, meta);
        }
    }
}
