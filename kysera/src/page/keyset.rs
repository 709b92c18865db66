//! Pages by the place where they begin.

use std::future::IntoFuture;

use futures_core::future::BoxFuture;
use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};

use super::order::{Side, Walk};
use super::parts::Parts;
use super::place::{cursor_at, place_of};
use crate::backend::{Backend, Statement};
use crate::cursor::{Cursor, CursorSecret};
use crate::entity::On;
use crate::error::{Error, Result};
use crate::expr::Meta;
use crate::observe::Wire;
use crate::query::{Explain, Find, Plan, Rows, Shape, sql_at, text};
use crate::source::{Cx, Op, Source, run};

/// Which rows are asked for: the first ones behind a place, or the last ones before it.
///
/// ```
/// use kysera::{Cursor, Keyset};
///
/// fn request(after: Option<Cursor>, before: Option<Cursor>) -> Keyset {
///     match before {
///         Some(before) => Keyset::last(20).before(before), // the page before this one
///         None => Keyset::first(20).after(after),
///     }
/// }
/// ```
#[derive(Debug, Clone)]
#[must_use = "it is given to `find().keyset(..)`"]
pub struct Keyset {
    rows: u64,
    max: u64,
    backward: bool,
    after: Option<Cursor>,
    before: Option<Cursor>,
    total: bool,
}

impl Keyset {
    /// The first rows: of all, or of those behind [`after`](Self::after).
    pub fn first(rows: u64) -> Self {
        Self { rows, max: 1000, backward: false, after: None, before: None, total: false }
    }

    /// The last rows, in the same order: of all, or of those before [`before`](Self::before).
    pub fn last(rows: u64) -> Self {
        Self { backward: true, ..Self::first(rows) }
    }

    /// Rows behind this place alone; `None` changes nothing. It is [`KeysetPage::next`] of the page before.
    pub fn after(mut self, cursor: impl IntoCursor) -> Self {
        self.after = cursor.into_cursor().or(self.after);
        self
    }

    /// Rows before this place alone; `None` changes nothing. It is [`KeysetPage::prev`] of the page behind.
    pub fn before(mut self, cursor: impl IntoCursor) -> Self {
        self.before = cursor.into_cursor().or(self.before);
        self
    }

    /// Counts all rows of the query as well, wherever the page is. That costs as much as
    /// [`count`](crate::query::Find::count).
    pub fn with_total(mut self) -> Self {
        self.total = true;
        self
    }

    /// The most rows that a page may have; 1000 without it. Who asks for more gets that many.
    pub fn max_rows(mut self, rows: u64) -> Self {
        self.max = rows;
        self
    }
}

/// What can be given for a cursor: a [`Cursor`], its text, or an `Option` of either. A text is judged when the query runs.
pub trait IntoCursor {
    /// Converts.
    fn into_cursor(self) -> Option<Cursor>;
}

impl IntoCursor for Cursor {
    fn into_cursor(self) -> Option<Cursor> {
        Some(self)
    }
}

impl IntoCursor for &Cursor {
    fn into_cursor(self) -> Option<Cursor> {
        Some(self.clone())
    }
}

impl IntoCursor for &str {
    fn into_cursor(self) -> Option<Cursor> {
        // What is longer than any cursor need not be kept to be refused.
        let end = self.floor_char_boundary(Cursor::MAX_LEN + 4);
        Some(Cursor::unchecked(self.get(..end).unwrap_or_default().into()))
    }
}

impl IntoCursor for String {
    fn into_cursor(self) -> Option<Cursor> {
        Some(Cursor::unchecked(self))
    }
}

impl<T: IntoCursor> IntoCursor for Option<T> {
    fn into_cursor(self) -> Option<Cursor> {
        self.and_then(IntoCursor::into_cursor)
    }
}

impl<T: IntoCursor + Clone> IntoCursor for &Option<T> {
    fn into_cursor(self) -> Option<Cursor> {
        self.clone().into_cursor()
    }
}

/// One page of a query, made by [`Find::keyset`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeysetPage<T> {
    /// Its rows, in the order of the query, in whichever direction it was walked.
    pub items: Vec<T>,
    /// Whether there are rows behind it.
    pub has_next: bool,
    /// Whether there are rows before it.
    pub has_prev: bool,
    /// The place behind its last row, if there are rows behind it: `Keyset::first(n).after(next)` is the next page.
    pub next: Option<Cursor>,
    /// The place before its first row, if there are rows before it: `Keyset::last(n).before(prev)` is the page before.
    pub prev: Option<Cursor>,
    /// How many rows the query has, if that was [asked for](Keyset::with_total).
    pub total: Option<u64>,
}

impl<T> KeysetPage<T> {
    /// The same page of something else.
    pub fn map<U>(mut self, each: impl FnMut(T) -> U) -> KeysetPage<U> {
        let items = std::mem::take(&mut self.items);
        self.with_items(items.into_iter().map(each).collect())
    }

    /// The same page with something else on it.
    pub(super) fn with_items<U>(self, items: Vec<U>) -> KeysetPage<U> {
        KeysetPage {
            items,
            has_next: self.has_next,
            has_prev: self.has_prev,
            next: self.next,
            prev: self.prev,
            total: self.total,
        }
    }
}

impl<'s, E, S> Find<'s, E, S, Rows<E>>
where
    S: Source,
    E: On<S::Database>,
{
    /// One page, found by a row at its edge: as fast far behind as at the beginning, if an index has the columns of the
    /// order, and not shifted by rows that come and go meanwhile.
    ///
    /// The order is any number of columns of the entity, each in its own direction; without one it is the primary key.
    /// Columns of the primary key that it lacks are added, in the direction of its last key. NULLs stand where
    /// `nulls_first` or `nulls_last` puts them, else where the database does; either way a cursor remembers it, together
    /// with the order, and is refused by queries with another one. It does not remember filters: give the same ones for
    /// each page.
    ///
    /// For an index to find the place of a page, it needs all columns of the order in the directions of the order (or all
    /// of them reversed), with those of the primary key at its end, and NULLs where the database puts them by itself.
    ///
    /// A column whose type serde does not know cannot be ordered by. Nor can an ENUM of MySQL, which is ordered by the places
    /// of its values and compared by their texts; whether a column is one shows in its rows, so that the query is refused
    /// when it has some. A row whose key changes between two pages may be met twice or not at all.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] mod doc {
    /// # use kysera::prelude::*;
    /// # #[derive(Repository)]
    /// # #[kysera(table = "posts")]
    /// # struct Post { #[kysera(id)] id: i64, score: i32, title: String }
    /// async fn titles(posts: &PostRepository<Db<Sqlite>>) -> kysera::Result<Vec<String>> {
    ///     let mut titles = Vec::new();
    ///     let mut place = None;
    ///     loop {
    ///         let find = posts.find().order_by(Post::SCORE.desc());
    ///         let page = find.keyset(Keyset::first(100).after(place)).await?;
    ///         titles.extend(page.items.into_iter().map(|post| post.title));
    ///         place = page.next;
    ///         if place.is_none() {
    ///             return Ok(titles);
    ///         }
    ///     }
    /// }
    /// # }
    /// ```
    ///
    /// `SELECT <columns>, (SELECT 1 FROM <table> WHERE (score, id) <= ($1, $2) ORDER BY .. LIMIT 1) FROM <table> WHERE
    /// (score, id) > ($3, $4) ORDER BY score ASC, id ASC LIMIT 21`; the second column tells whether there is something
    /// before the page. On MySQL, with several directions and with NULLs, `score >= .. AND (score > .. OR (score = .. AND
    /// ..))`. Where NULLs of the first column are still to come behind values, `SELECT .. FROM ((<page of values>) UNION ALL
    /// (<page of NULLs>)) ORDER BY .. LIMIT 21`, each of which an index finds. A second statement is sent only if a cursor
    /// was given and nothing is there.
    ///
    /// # Errors
    ///
    /// Before anything is sent: [`Error::Cursor`] if a cursor is none, or not one of this query; [`Error::BadRequest`] for
    /// pages of no rows, if the query has a limit, an offset, DISTINCT or groups, and for an order by anything but columns
    /// of the entity that a cursor can hold; the latter also behind it, for an ENUM of MySQL. Else as [`all`](Find::all).
    pub fn keyset(self, keyset: Keyset) -> KeysetQuery<'s, E, S> {
        KeysetQuery { find: self, keyset }
    }
}

/// A query for one page, made by [`Find::keyset`]: `.await` runs it.
#[must_use = "a query does nothing until it is awaited"]
pub struct KeysetQuery<'s, E, S> {
    find: Find<'s, E, S, Rows<E>>,
    keyset: Keyset,
}

impl<E, S> Clone for KeysetQuery<'_, E, S> {
    fn clone(&self) -> Self {
        Self { find: self.find.clone(), keyset: self.keyset.clone() }
    }
}

impl<E: crate::Entity, S> std::fmt::Debug for KeysetQuery<'_, E, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeysetQuery").field("find", &self.find).field("keyset", &self.keyset).finish()
    }
}

impl<'s, E, S> KeysetQuery<'s, E, S>
where
    S: Source,
    E: On<S::Database>,
{
    /// The statement that would be sent to this source, with placeholders for its values. Nothing is sent.
    ///
    /// # Errors
    ///
    /// What the query would refuse before it sends anything.
    pub fn to_sql(&self) -> Result<String> {
        Ok(text(&self.op()?.statement))
    }

    /// How the database would run that statement, which does not run; see [`Find::explain`].
    ///
    /// # Errors
    ///
    /// As the query itself.
    pub fn explain(self) -> BoxFuture<'s, Result<Plan>> {
        Box::pin(async move {
            let statement = self.op()?.statement;
            run(self.find.source, self.find.cx("find.explain"), Explain { meta: E::META, statement }).await
        })
    }

    fn op(&self) -> Result<FetchPage<S::Database, E>> {
        let Keyset { rows, max, backward, after, before, total } = &self.keyset;
        let query = &self.find.query;
        if query.limit.is_some() || query.offset.is_some() || query.is_condensed() {
            return Err(Error::BadRequest(
                "a keyset page says by itself where it begins and ends, and has rows of the table: its query takes no \
                 limit, no offset, no DISTINCT and no groups"
                    .into(),
            ));
        }
        let rows = *rows.min(max);
        if rows == 0 {
            return Err(Error::BadRequest("a keyset page has at least one row".into()));
        }
        let secret = self.find.source.settings().cursor_secret.clone();
        let walk = Walk::new(&query.order, E::META, S::Database::DIALECT)?;
        let place = |cursor: &Option<Cursor>| {
            let place = |cursor| place_of::<S::Database, E>(&walk, cursor, secret.as_ref());
            cursor.as_ref().map(place).transpose()
        };
        let mut parts = Parts::new(query, &walk, place(after)?, place(before)?, rows, *backward, *total);

        let mut sql = sql_at(self.find.source);
        parts.page(&mut sql, E::META);
        if sql.binds() > S::Database::DIALECT.max_binds() {
            // Filters with very many values may fit in once, but not twice.
            drop(sql);
            parts.put_together();
            sql = sql_at(self.find.source);
            parts.page(&mut sql, E::META);
        }
        let statement = sql.finish()?;
        let mut aside = None;
        if after.is_some() || before.is_some() {
            let mut sql = sql_at(self.find.source);
            sql.push("SELECT ");
            parts.asides(&mut sql, E::META);
            aside = Some(sql.finish()?);
        }
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        let read = ReadPage { keyset: self.keyset.clone(), rows, walk, secret };
        Ok(FetchPage { statement, aside, read, entity: std::marker::PhantomData })
    }
}

impl<'s, E, S> IntoFuture for KeysetQuery<'s, E, S>
where
    S: Source,
    E: On<S::Database>,
{
    type Output = Result<KeysetPage<E>>;
    type IntoFuture = BoxFuture<'s, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let op = self.op()?;
            run(self.find.source, self.find.cx("find.keyset"), op).await
        })
    }
}

/// Fetches a page.
struct FetchPage<DB: Backend, E> {
    statement: Statement<DB>,
    /// What the statement tells besides rows, for when there are none.
    aside: Option<Statement<DB>>,
    read: ReadPage,
    entity: std::marker::PhantomData<fn() -> E>,
}

impl<DB: Backend, E: On<DB>> Op<DB> for FetchPage<DB, E> {
    type Out = KeysetPage<E>;

    fn meta(&self) -> &'static Meta {
        E::META
    }

    async fn run(self, wire: &mut Wire<'_, DB>, _: Cx<'_>) -> Result<KeysetPage<E>> {
        let Self { statement, aside, read, .. } = self;
        let cells: Vec<DB::Row> = wire.fetch(statement).try_collect().await?;
        let aside = match (cells.first(), aside) {
            (Some(row), _) => read.aside::<DB>(row, E::META.columns.len())?,
            (None, Some(statement)) => match wire.fetch_optional(statement).await? {
                Some(row) => read.aside::<DB>(&row, 0)?,
                None => Aside::default(),
            },
            // Without a place the page has all rows there are: none.
            (None, None) => Aside { total: read.keyset.total.then_some(0), ..Aside::default() },
        };
        read.page::<DB, E>(cells, aside)
    }
}

/// Makes a page of what was fetched.
struct ReadPage {
    keyset: Keyset,
    rows: usize,
    walk: Walk,
    secret: Option<CursorSecret>,
}

/// What is told besides rows.
#[derive(Default)]
struct Aside {
    passed: bool,
    ahead: bool,
    total: Option<u64>,
}

impl ReadPage {
    /// Reads the columns from `at` on, of which there are as many as were asked for.
    fn aside<DB: Backend>(&self, row: &DB::Row, mut at: usize) -> Result<Aside> {
        let mut aside = Aside::default();
        if self.keyset.after.is_some() {
            aside.passed = !DB::is_null(row, at)?;
            at += 1;
        }
        if self.keyset.before.is_some() {
            aside.ahead = !DB::is_null(row, at)?;
            at += 1;
        }
        if self.keyset.total {
            aside.total = Some(DB::integer(row, at)?.unsigned_abs());
        }
        Ok(aside)
    }

    fn page<DB: Backend, E: On<DB>>(self, mut cells: Vec<DB::Row>, aside: Aside) -> Result<KeysetPage<E>> {
        let Self { keyset, rows, walk, secret } = self;
        let more = cells.len() > rows;
        cells.truncate(rows);
        let (mut has_next, mut has_prev) = (aside.ahead, aside.passed);
        if keyset.backward {
            has_prev |= more;
            cells.reverse();
        } else {
            has_next |= more;
        }
        if let Some(row) = cells.first() {
            walk.check_columns::<DB>(row)?;
        }
        let shape = Rows::<E>::new();
        let mut items = Vec::with_capacity(cells.len());
        for row in &cells {
            items.push(Shape::<DB>::read(&shape, row, 0, items.is_empty())?);
        }

        let beside = |row: Option<(&DB::Row, &E)>, side| {
            row.map(|(cells, row)| cursor_at::<DB, E>(&walk, cells, row, side, secret.as_ref())).transpose()
        };
        // A page of nothing is between the places that it was asked for.
        let next = match has_next {
            true => beside(cells.last().zip(items.last()), Side::Behind)?.or(keyset.before),
            false => None,
        };
        let prev = match has_prev {
            true => beside(cells.first().zip(items.first()), Side::Before)?.or(keyset.after),
            false => None,
        };
        Ok(KeysetPage { items, has_next, has_prev, next, prev, total: aside.total })
    }
}
