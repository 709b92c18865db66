//! The text of a query.

use super::lock::Lock;
use super::shape::{Items, Shape, SqlBox};
use crate::backend::Backend;
use crate::expr::{Deleted, Join, Meta, Node, OrderKey, Sql, Term};
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
}

/// Begins a statement that runs on a source.
pub(crate) fn sql_at<S: Source>(source: &S) -> Sql<'_> {
    Cx::of(source).sql::<S::Database>()
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
            Some(text) if self.joins.is_empty() && !self.distinct && !sql.is_elsewhere(meta) => {
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
        sql.push(" FROM ").table(meta).joins(&self.joins);
    }

    /// ` WHERE .. GROUP BY .. HAVING ..`
    pub(crate) fn conditions<'q>(&'q self, sql: &mut Sql<'q>, meta: &'static Meta) {
        sql.conditions(meta, self.deleted, &self.filters);
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
        sql.with_joins(&self.joins).table(meta).joins(&self.joins);
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
            sql.push("SELECT COUNT(*) FROM ").with_joins(&self.joins).table(meta).joins(&self.joins);
            self.conditions(sql, meta);
        }
    }
}
