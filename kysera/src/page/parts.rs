//! The queries that the statement of a keyset page is made of.

use super::order::{Arm, Beyond, Place, Walk};
use crate::backend::Dialect;
use crate::expr::{Meta, Sql};
use crate::query::Query;

/// The derived table that the arms of a page are.
const PAGE: (&str, u32) = ("page0", 0);

pub(super) struct Parts {
    page: Stretch,
    /// One row on the other side of the place that the page is behind.
    passed: Option<Stretch>,
    /// One row on the other side of the place that the page is before.
    ahead: Option<Stretch>,
    total: Option<Query>,
}

/// The first rows behind a place.
struct Stretch {
    query: Query,
    /// Those with values in the first column of the order, and those with NULL, which an index finds only one by one.
    apart: Option<[Query; 2]>,
}

impl Stretch {
    /// `from` is where it begins, `filters` are about its other end.
    fn new(base: Query, from: Option<Beyond>, until: Option<Beyond>) -> Self {
        let mut query = base;
        let mut apart = None;
        if let Some(Beyond { all, apart: arms, order, .. }) = from {
            match arms {
                // The other end is at a value, so NULLs are not reached.
                Some([values, _]) if until.as_ref().is_some_and(|until| until.valued) => {
                    query.filters.push(values.rows);
                    query.order = values.order;
                }
                Some(arms) => {
                    apart = Some(arms.map(|Arm { rows, order }| {
                        let mut arm = Query { order, ..query.clone() };
                        arm.filters.push(rows);
                        arm.filters.extend(until.iter().map(|until| until.all.clone()));
                        arm
                    }));
                    query.filters.push(all);
                }
                None => {
                    query.filters.push(all);
                    query.order = order;
                }
            }
        }
        query.filters.extend(until.map(|until| until.all));
        Self { query, apart }
    }
}

impl Parts {
    pub(super) fn new(
        query: &Query,
        walk: &Walk,
        after: Option<Place>,
        before: Option<Place>,
        rows: u64,
        backward: bool,
        total: bool,
    ) -> Self {
        let back = walk.reversed();
        let base = |walk: &Walk, limit| Query { order: walk.order(), limit: Some(limit), ..query.clone() };
        // One more tells whether there is something behind them.
        let rows = rows.saturating_add(1);
        let behind = after.as_ref().map(|place| walk.behind(place));
        let ahead_of = before.as_ref().map(|place| walk.before(place));
        let page = if backward {
            Stretch::new(base(&back, rows), ahead_of, behind)
        } else {
            Stretch::new(base(walk, rows), behind, ahead_of)
        };
        // Ordered, so that the database looks where the place is, and not at its first best row.
        let passed = after.map(|place| Stretch::new(base(&back, 1), Some(walk.before(&place)), None));
        let ahead = before.map(|place| Stretch::new(base(walk, 1), Some(walk.behind(&place)), None));
        let total = total.then(|| Query { order: Vec::new(), ..query.clone() });
        Self { page, passed, ahead, total }
    }

    /// Does not repeat the filters of the query for the sake of NULLs.
    pub(super) fn put_together(&mut self) {
        let others = self.passed.iter_mut().chain(&mut self.ahead);
        std::iter::once(&mut self.page).chain(others).for_each(|stretch| stretch.apart = None);
    }

    /// `SELECT <columns>, <asides> FROM <table> WHERE .. ORDER BY .. LIMIT ..`
    pub(super) fn page<'q>(&'q self, sql: &mut Sql<'q>, meta: &'static Meta) {
        let Stretch { query, apart } = &self.page;
        let Some(arms) = apart else {
            sql.push("SELECT ").with_joins(&query.joins).row_columns(meta);
            self.more(sql, meta);
            sql.push(" FROM ");
            query.table(sql, meta).joins(&query.joins);
            query.rest(sql, meta, false, query.limit);
            return;
        };
        sql.push("SELECT ");
        sql.about_derived(PAGE, |sql| {
            sql.row_columns(meta);
        });
        self.more(sql, meta);
        sql.push(" FROM (").list(arms, " UNION ALL ", |sql, arm| {
            // SQLite knows no limits of arms, but those of tables.
            let is_table = sql.dialect() == Dialect::Sqlite;
            sql.push(if is_table { "SELECT * FROM " } else { "" });
            sql.nested(|sql| {
                sql.push("SELECT ").with_joins(&arm.joins).row_columns(meta);
                sql.push(" FROM ");
                arm.table(sql, meta).joins(&arm.joins);
                arm.rest(sql, meta, false, arm.limit);
            });
        });
        sql.push(") AS ").derived(PAGE);
        sql.about_derived(PAGE, |sql| {
            sql.order(&query.order);
        });
        sql.limit(query.limit, None);
    }

    fn more<'q>(&'q self, sql: &mut Sql<'q>, meta: &'static Meta) {
        if self.passed.is_some() || self.ahead.is_some() || self.total.is_some() {
            sql.push(", ");
            self.asides(sql, meta);
        }
    }

    /// Whether there are rows outside of the places, and the total: as many columns as are asked for.
    pub(super) fn asides<'q>(&'q self, sql: &mut Sql<'q>, meta: &'static Meta) {
        let one = |sql: &mut Sql<'q>, query: &'q Query, selected| {
            sql.nested(|sql| {
                sql.push(selected).with_joins(&query.joins);
                query.table(sql, meta).joins(&query.joins);
                query.rest(sql, meta, false, query.limit);
            });
        };
        let stretches = self.passed.iter().chain(&self.ahead).map(|stretch| (Some(stretch), None));
        let asides = stretches.chain(self.total.iter().map(|total| (None, Some(total))));
        sql.list(asides, ", ", |sql, (stretch, total)| match (stretch, total) {
            // The second one runs only if the first one finds nothing.
            (Some(Stretch { apart: Some(arms), .. }), _) => {
                sql.push("COALESCE(").list(arms, ", ", |sql, arm| one(sql, arm, "SELECT 1 FROM ")).push(")");
            }
            (Some(stretch), _) => one(sql, &stretch.query, "SELECT 1 FROM "),
            (None, Some(total)) => one(sql, total, "SELECT COUNT(*) FROM "),
            (None, None) => {}
        });
    }
}
