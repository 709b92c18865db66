//! Pages by number.

use std::future::Future;

use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};

use super::break_ties;
use crate::backend::{Backend, Dialect, Statement};
use crate::entity::On;
use crate::error::{Error, Result};
use crate::expr::{Meta, OrderKey, Sql};
use crate::observe::Wire;
use crate::query::{Find, Query, Shape, SqlBox, sql_at};
use crate::source::{Cx, Op, Source, run};

/// Which page is asked for, and how long pages are.
///
/// It can be read from a query string, with serde: `?page=3&per_page=50`. Both may be missing.
///
/// ```
/// use kysera::PageRequest;
///
/// let request: PageRequest = serde_json::from_str(r#"{"page": 3}"#)?;
/// assert_eq!(request, PageRequest::new(3, 20));
/// assert_eq!(PageRequest::default(), PageRequest::new(1, 20));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PageRequest {
    page: u64,
    per_page: u64,
    /// Not for clients to say.
    #[serde(skip)]
    max: Max,
}

/// The most rows of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Max(u64);

impl Default for Max {
    fn default() -> Self {
        Self(1000)
    }
}

/// The first page, of 20 rows.
impl Default for PageRequest {
    fn default() -> Self {
        Self::new(1, 20)
    }
}

impl PageRequest {
    /// A page by its number, from 1, and the number of rows per page. Page 0 is taken for page 1; pages of no rows have
    /// nothing but the total.
    pub fn new(page: u64, per_page: u64) -> Self {
        Self { page, per_page, max: Max::default() }
    }

    /// The most rows that a page may have; 1000 without it. Who asks for more gets that many.
    #[must_use]
    pub fn max_per_page(mut self, rows: u64) -> Self {
        self.max = Max(rows);
        self
    }

    /// The page that is meant, from 1.
    pub fn page(&self) -> u64 {
        self.page.max(1)
    }

    /// The number of rows per page that is meant.
    pub fn per_page(&self) -> u64 {
        self.per_page.min(self.max.0)
    }

    /// How many rows come before it.
    fn offset(&self) -> u64 {
        (self.page() - 1).saturating_mul(self.per_page())
    }
}

/// One page of a query, made by [`Find::page`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// Its rows.
    pub items: Vec<T>,
    /// Its number, from 1.
    pub page: u64,
    /// How many rows a page has at most.
    pub per_page: u64,
    /// How many rows all pages have.
    pub total: u64,
    /// How many pages there are.
    pub total_pages: u64,
    /// Whether there is a page behind it.
    pub has_next: bool,
    /// Whether there is a page before it.
    pub has_prev: bool,
}

impl<T> Page<T> {
    fn new(items: Vec<T>, total: u64, request: PageRequest) -> Self {
        let (page, per_page) = (request.page(), request.per_page());
        let total_pages = if per_page == 0 { 0 } else { total.div_ceil(per_page) };
        Self {
            items,
            page,
            per_page,
            total,
            total_pages,
            has_next: page < total_pages,
            has_prev: page > 1 && total_pages > 0,
        }
    }

    /// The same page of something else.
    pub fn map<U>(mut self, each: impl FnMut(T) -> U) -> Page<U> {
        let items = std::mem::take(&mut self.items);
        self.with_items(items.into_iter().map(each).collect())
    }

    /// The same page with something else on it.
    pub(super) fn with_items<U>(self, items: Vec<U>) -> Page<U> {
        Page {
            items,
            page: self.page,
            per_page: self.per_page,
            total: self.total,
            total_pages: self.total_pages,
            has_next: self.has_next,
            has_prev: self.has_prev,
        }
    }
}

impl<'s, E, S, X> Find<'s, E, S, X>
where
    S: Source,
    E: On<S::Database>,
    X: Shape<S::Database>,
{
    /// One page, and how many rows there are, in one statement and hence of one moment.
    ///
    /// Pages need a total order, or rows may be on two of them and on none: columns of the primary key that the order
    /// lacks are added to it, in the direction of its last key. Where rows of the result are no rows of the table
    /// (DISTINCT, GROUP BY) nothing is added: order by everything that tells them apart.
    ///
    /// A page behind the last one is empty and has the right totals.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] mod doc {
    /// # use kysera::prelude::*;
    /// # #[derive(Repository)]
    /// # #[kysera(table = "users")]
    /// # struct User { #[kysera(id)] id: i64, name: String }
    /// async fn page(users: &UserRepository<Db<Sqlite>>, request: PageRequest) -> kysera::Result<Page<String>> {
    ///     let page = users.find().order_by(User::NAME.asc()).page(request.max_per_page(100)).await?;
    ///     Ok(page.map(|user| user.name))
    /// }
    /// # }
    /// ```
    ///
    /// `SELECT .. FROM (SELECT COUNT(*) FROM <table> WHERE ..) LEFT JOIN (SELECT .. FROM <table> WHERE .. ORDER BY ..
    /// LIMIT .. OFFSET ..) ON 1 = 1 ORDER BY ..`
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`] before anything is sent if the query has a limit or an offset of its own, or selects DISTINCT
    /// rows in an order of something that it does not select, or groups in one that may differ within a group; else as [`all`](Find::all).
    pub fn page(
        mut self,
        request: PageRequest,
    ) -> impl Future<Output = Result<Page<X::Out>>> + Send + use<'s, E, S, X> {
        async move {
            if self.query.limit.is_some() || self.query.offset.is_some() {
                return Err(Error::BadRequest(
                    "a page says by itself where it begins and ends: its query takes no `limit` and no `offset`"
                        .into(),
                ));
            }
            self.query.limit = Some(request.per_page());
            self.query.offset = Some(request.offset()).filter(|offset| *offset > 0);
            let (items, total) = self.counted("find.page").await?;
            Ok(Page::new(items, total, request))
        }
    }

    /// The rows of the query, and how many there would be without its limit and offset, in one statement and hence of one
    /// moment. The order is made total as for a [`page`](Find::page).
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`] before anything is sent if the query selects DISTINCT rows in an order of something that it
    /// does not select; else as [`all`](Find::all).
    pub fn find_and_count(
        self,
    ) -> impl Future<Output = Result<(Vec<X::Out>, u64)>> + Send + use<'s, E, S, X> {
        self.counted("find.find_and_count")
    }

    fn counted(
        mut self,
        method: &'static str,
    ) -> impl Future<Output = Result<(Vec<X::Out>, u64)>> + Send + use<'s, E, S, X> {
        async move {
            if !self.query.is_condensed() && !self.query.aggregates::<S::Database, X>(&self.shape) {
                break_ties(&mut self.query.order, E::META);
            }
            self.query.check_order::<S::Database, X>(E::META, &self.shape)?;
            let sorts = sorts::<S::Database, X>(&self.query, E::META, &self.shape)?;
            let extras = sorts.iter().filter(|sort| **sort == Sort::Extra).count();
            let hit = 1 + self.shape.width() + extras;
            let mut sql = sql_at(self.source);
            write::<S::Database, X>(&mut sql, &self.query, E::META, &self.shape, &sorts);
            let statement = sql.finish()?;
            run(self.source, self.cx(method), Counted { meta: E::META, statement, shape: self.shape, hit })
                .await
        }
    }
}

/// Where the order outside finds what the order inside is by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// A column of the row that is selected.
    Column,
    /// An item, by its place.
    Item(usize),
    /// A column that is selected for this purpose alone.
    Extra,
}

fn sorts<DB: Backend, X: Shape<DB>>(query: &Query, meta: &Meta, shape: &X) -> Result<Vec<Sort>> {
    let whole_rows = shape.fixed(DB::DIALECT).is_some();
    let find = |key: &OrderKey| match (key.term.as_column(), item::<DB, X>(shape, key)) {
        (Some(_), _) if whole_rows => Ok(Sort::Column),
        // The database would not know an expression for the same a second time.
        (_, Some(item)) if query.is_condensed() => Ok(Sort::Item(item)),
        // One column more would make rows different that are not.
        _ if query.distinct => {
            selected::<DB, X>(DB::DIALECT, query, shape, key).map(Sort::Item).ok_or_else(|| {
                let text = format!(
                    "pages of DISTINCT {} rows are ordered by what is selected, and by nothing else",
                    meta.entity
                );
                Error::BadRequest(text.into())
            })
        }
        _ => Ok(Sort::Extra),
    };
    query.order.iter().map(find).collect()
}

/// The item that is what the order is by.
fn item<DB: Backend, X: Shape<DB>>(shape: &X, key: &OrderKey) -> Option<usize> {
    shape.items()?.0.iter().position(|item| item.same(&key.term))
}

/// The column of whole rows that is what the order is by, which shows in its text.
fn selected<DB: Backend, X: Shape<DB>>(
    dialect: Dialect,
    query: &Query,
    shape: &X,
    key: &OrderKey,
) -> Option<usize> {
    let mut term = Sql::new(dialect);
    term.with_joins(&query.joins).aggregating(|sql| {
        sql.term(&key.term);
    });
    if term.has_binds() {
        return None; // the same text, and yet another value
    }
    let term = term.into_text();
    let mut items = Sql::new(dialect);
    items.with_joins(&query.joins).aggregating(|sql| shape.write(&mut SqlBox(sql), true));
    let items = format!(", {}, ", items.into_text());
    let quote = dialect.quote();
    (0..shape.width()).find(|item| items.contains(&format!(", {term} AS {quote}x{item}{quote}, ")))
}

/// The derived table that is the page.
const PAGE: (&str, u32) = ("page0", 0);

/// `SELECT .. FROM (SELECT COUNT(*) ..) LEFT JOIN (SELECT ..) ON 1 = 1 ORDER BY ..`
///
/// One row at least, and the total in each. A page behind the end has NULL in all of its columns, the last of which is
/// there to tell.
fn write<'q, DB: Backend, X: Shape<DB>>(
    sql: &mut Sql<'q>,
    query: &'q Query,
    meta: &'static Meta,
    shape: &'q X,
    sorts: &[Sort],
) {
    let extra = |i: usize| free_name(meta, format!("kysera_order{i}"));
    sql.push("SELECT ").ident("counted").push(".*, ").derived(PAGE).push(".* FROM ");
    sql.nested(|sql| query.count::<DB, X>(sql, meta, shape));
    sql.push(" AS ").ident("counted").push(" LEFT JOIN ");
    sql.nested(|sql| {
        sql.push(if query.distinct { "SELECT DISTINCT " } else { "SELECT " }).with_joins(&query.joins);
        sql.aggregating(|sql| {
            shape.write(&mut SqlBox(sql), true);
            for (i, (key, sort)) in query.order.iter().zip(sorts).enumerate() {
                if *sort == Sort::Extra {
                    sql.push(", ").term(&key.term).push(" AS ").ident(&extra(i));
                }
            }
        });
        sql.push(", 1 AS ").ident(&free_name(meta, "kysera_hit".into())).push(" FROM ");
        query.table(sql, meta).joins(&query.joins);
        query.rest(sql, meta, query.aggregates(shape), query.limit);
    });
    sql.push(" AS ").derived(PAGE).push(" ON 1 = 1");
    if query.order.is_empty() {
        return;
    }
    sql.push(" ORDER BY ").order_terms(&query.order, |sql, key, i, _| match sorts.get(i) {
        Some(Sort::Item(item)) => {
            sql.derived(PAGE).push(".").ident(&format!("x{item}"));
        }
        Some(Sort::Extra) => {
            sql.derived(PAGE).push(".").ident(&extra(i));
        }
        _ => sql.about_derived(PAGE, |sql| {
            sql.term(&key.term);
        }),
    });
}

/// A name that no column of the table has.
fn free_name(meta: &Meta, mut name: String) -> String {
    while meta.columns.iter().any(|col| col.name.eq_ignore_ascii_case(&name)) {
        name.push('_');
    }
    name
}

/// A page and its total.
struct Counted<DB: Backend, X> {
    meta: &'static Meta,
    statement: Statement<DB>,
    shape: X,
    /// The column that is NULL where there is no row.
    hit: usize,
}

impl<DB: Backend, X: Shape<DB>> Op<DB> for Counted<DB, X> {
    type Out = (Vec<X::Out>, u64);

    fn meta(&self) -> &'static Meta {
        self.meta
    }

    async fn run(self, wire: &mut Wire<'_, DB>, _: Cx<'_>) -> Result<Self::Out> {
        let mut rows = wire.fetch(self.statement);
        let (mut items, mut total) = (Vec::new(), 0);
        while let Some(row) = rows.try_next().await? {
            if items.is_empty() {
                total = DB::integer(&row, 0)?.unsigned_abs();
            }
            if !DB::is_null(&row, self.hit)? {
                let item = self.shape.read(&row, 1, items.is_empty());
                items.push(item.map_err(|error| rows.failed(error))?);
            }
        }
        Ok((items, total))
    }
}
