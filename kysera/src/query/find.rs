use std::future::Future;
use std::panic::Location;
use std::pin::pin;
use std::time::Duration;

use futures_core::Stream;
use futures_core::future::BoxFuture;
use futures_util::TryStreamExt;

use super::set::UpdateRows;
use super::shape::{Rows, Shape};
use super::statement::{Query, sql_at};
use super::{Count, Exists, FetchAll, FetchFirst};
use crate::backend::{Backend, Statement};
use crate::entity::{Entity, On, Patch};
use crate::error::{Error, Result};
use crate::expr::{Deleted, Filter, Hooks, Order};
use crate::observe::Wire;
use crate::source::{
    Bracket, Cx, Source, SourceGuard, Unit, Writable, acquire, close_bracket, generate, open_bracket, run,
    settle, undo_bracket, within,
};
use crate::write::{ByFilters, Fate, validate};

/// A query on one entity, made by [`Repository::find`](crate::Repository::find).
///
/// Nothing is sent before one of the methods that end it is awaited: [`all`](Find::all), [`first`](Find::first),
/// [`one`](Find::one), [`stream`](Find::stream), [`count`](Find::count), [`exists`](Find::exists),
/// [`update`](Find::update) or [`delete`](Find::delete). [`set`](Find::set) begins an update with expressions,
/// [`for_update`](Find::for_update) a read that locks its rows.
///
/// `X` is what it selects: whole rows, unless it says otherwise.
#[must_use = "a query does nothing until it is ended with `all`, `first`, `one`, `stream`, `count`, `exists`, `update` or `delete`"]
pub struct Find<'s, E, S, X = Rows<E>> {
    pub(crate) source: &'s S,
    pub(crate) hooks: &'static Hooks,
    pub(crate) query: Query,
    pub(crate) shape: X,
    /// Where it began.
    pub(crate) caller: &'static Location<'static>,
    entity: std::marker::PhantomData<fn() -> E>,
}

impl<S, E, X: Clone> Clone for Find<'_, E, S, X> {
    fn clone(&self) -> Self {
        Self {
            source: self.source,
            hooks: self.hooks,
            query: self.query.clone(),
            shape: self.shape.clone(),
            caller: self.caller,
            entity: std::marker::PhantomData,
        }
    }
}

impl<'s, E, S> Find<'s, E, S> {
    #[track_caller]
    pub(crate) fn new(source: &'s S, hooks: &'static Hooks) -> Self {
        Self {
            source,
            hooks,
            query: Query::default(),
            shape: Rows::new(),
            caller: Location::caller(),
            entity: std::marker::PhantomData,
        }
    }
}

impl<'s, E, S, X> Find<'s, E, S, X> {
    /// The same query, selecting something else.
    pub(crate) fn reshape<Y>(self, shape: Y) -> Find<'s, E, S, Y> {
        Find {
            source: self.source,
            hooks: self.hooks,
            query: self.query,
            shape,
            caller: self.caller,
            entity: std::marker::PhantomData,
        }
    }

    /// The same query, with something around what it selects.
    pub(crate) fn wrap<Y>(self, wrap: impl FnOnce(X) -> Y) -> Find<'s, E, S, Y> {
        let shape = wrap(self.shape);
        Find {
            source: self.source,
            hooks: self.hooks,
            query: self.query,
            shape,
            caller: self.caller,
            entity: std::marker::PhantomData,
        }
    }

    /// Keeps the rows for which the filter holds. Several calls keep those for which all of them hold.
    pub fn filter(mut self, filter: Filter<E>) -> Self {
        self.query.filters.push(filter.node);
        self
    }

    /// [`filter`](Find::filter) if there is one: for conditions that a request may or may not contain.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] mod doc {
    /// # use kysera::prelude::*;
    /// # #[derive(Repository)]
    /// # #[kysera(table = "users")]
    /// # struct User { #[kysera(id)] id: i64, name: String }
    /// async fn search(users: &UserRepository<Db<Sqlite>>, name: Option<&str>) -> kysera::Result<Vec<User>> {
    ///     users.find().filter_opt(name.map(|name| User::NAME.contains(name))).all().await
    /// }
    /// # }
    /// ```
    pub fn filter_opt(self, filter: Option<Filter<E>>) -> Self {
        match filter {
            Some(filter) => self.filter(filter),
            None => self,
        }
    }

    /// Orders the rows. Later calls break the ties of earlier ones. Without any the order is the database's whim.
    pub fn order_by(mut self, order: Order<E>) -> Self {
        self.query.order.push(order.key);
        self
    }

    /// Orders the rows by several things; each breaks the ties of those before it.
    pub fn order_by_all(mut self, orders: impl IntoIterator<Item = Order<E>>) -> Self {
        self.query.order.extend(orders.into_iter().map(|order| order.key));
        self
    }

    /// At most so many rows.
    pub fn limit(mut self, rows: u64) -> Self {
        self.query.limit = Some(rows);
        self
    }

    /// Leaves out the first rows.
    pub fn offset(mut self, rows: u64) -> Self {
        self.query.offset = Some(rows);
        self
    }
}

impl<'s, E, S, X> Find<'s, E, S, X>
where
    S: Source,
    E: On<S::Database>,
    X: Shape<S::Database>,
{
    pub(crate) fn statement(&self, limit: Option<u64>) -> Result<Statement<S::Database>> {
        self.query.select(sql_at(self.source), E::META, &self.shape, limit).finish()
    }

    /// How a method that ends the query sees the source.
    pub(crate) fn cx(&self, method: &'static str) -> Cx<'s> {
        Cx::called(self.source, method, self.caller)
    }

    /// A smaller limit than the query's own.
    fn at_most(&self, rows: u64) -> Option<u64> {
        Some(self.query.limit.map_or(rows, |limit| limit.min(rows)))
    }

    /// All rows.
    ///
    /// # Errors
    ///
    /// Those of the database; [`Error::Decode`] if a row does not fit the struct.
    pub fn all(self) -> impl Future<Output = Result<Vec<X::Out>>> + Send + use<'s, E, S, X> {
        async move {
            let statement = self.statement(self.query.limit)?;
            run(self.source, self.cx("find.all"), FetchAll { meta: E::META, statement, shape: self.shape })
                .await
        }
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    ///
    /// As [`all`](Find::all).
    pub fn first(self) -> impl Future<Output = Result<Option<X::Out>>> + Send + use<'s, E, S, X> {
        async move {
            let statement = self.statement(self.at_most(1))?;
            run(
                self.source,
                self.cx("find.first"),
                FetchFirst { meta: E::META, statement, shape: self.shape },
            )
            .await
        }
    }

    /// The only row.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if there is none, [`Error::MoreThanOne`] if there are several; else as [`all`](Find::all).
    pub fn one(self) -> impl Future<Output = Result<X::Out>> + Send + use<'s, E, S, X> {
        async move {
            let statement = self.statement(self.at_most(2))?;
            let cx = self.cx("find.one");
            let op = FetchAll { meta: E::META, statement, shape: self.shape };
            let mut rows = run(self.source, cx, op).await?;
            match (rows.pop(), rows.is_empty()) {
                (Some(row), true) => Ok(row),
                (Some(_), false) => Err(Error::MoreThanOne { entity: E::META.entity }),
                (None, _) => Err(Error::NotFound { entity: E::META.entity }),
            }
        }
    }

    /// The rows one by one, as the database sends them: memory does not grow with their number.
    ///
    /// Nothing is sent before the stream is polled. It holds its connection until it is read to its end or dropped;
    /// dropping it early is fine, and the rows that are left are read past by the next statement on a transaction or
    /// connection. While it is open, other statements on the same transaction or [`Conn`](crate::Conn)
    /// are refused with [`StreamOpen`](crate::error::TransactionError::StreamOpen); a [`Db`](crate::Db) takes another
    /// connection for them, and must have one: with `sqlite::memory:`, which lives on a single one, they would wait
    /// for it until the acquire timeout.
    ///
    /// It borrows the repository, which therefore needs a name of its own, as below. A stream that owns its source, such as
    /// the body of a response, is made of this loop by the crate `async-stream`, in a `try_stream!` that the `Db` moves into.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] mod doc {
    /// # use kysera::prelude::*;
    /// # #[derive(Repository)]
    /// # #[kysera(table = "users")]
    /// # struct User { #[kysera(id)] id: i64, name: String }
    /// use futures_util::TryStreamExt;
    ///
    /// async fn longest(users: &UserRepository<Db<Sqlite>>) -> kysera::Result<usize> {
    ///     let mut rows = users.find().stream();
    ///     let mut longest = 0;
    ///     while let Some(user) = rows.try_next().await? {
    ///         longest = longest.max(user.name.len());
    ///     }
    ///     Ok(longest)
    /// }
    /// # }
    /// ```
    pub fn stream(self) -> impl Stream<Item = Result<X::Out>> + Send + Unpin + use<'s, E, S, X> {
        generate(move |out| async move {
            let statement = self.statement(self.query.limit)?;
            let cx = self.cx("find.stream");
            let (mut guard, watch, waited) = acquire(self.source, cx, E::META).await?;
            let bracket = match cx.needs_transactions() {
                true => guard.open_unit(Unit::Transaction),
                false => Bracket::None,
            };
            if cx.tells_claims() && bracket != Bracket::None {
                guard.close_unit();
                let text =
                    "with native policies a stream needs a transaction: outside of one it would see nothing";
                return Err(Error::BadRequest(text.into()));
            }
            let deadline = cx.deadline();
            let mut open = Open::<S::Database, _>::new(guard);
            let end = async {
                let mut wire = Wire::new(&mut *open.guard, watch, waited).behind(cx.pooler());
                let opened = within(deadline, pin!(open_bracket(&mut wire, bracket, cx))).await?;
                if opened.is_err() {
                    return Ok(opened);
                }
                let mut rows = wire.fetch(statement);
                let mut check = true;
                loop {
                    // Rows that are there already are refused as well.
                    if let Some(deadline) = deadline.filter(|deadline| deadline.has_passed()) {
                        return Err(deadline);
                    }
                    let row = match within(deadline, pin!(rows.try_next())).await? {
                        Ok(Some(row)) => self.shape.read(&row, 0, check).map_err(|error| rows.failed(error)),
                        Ok(None) => return Ok(Ok(())),
                        Err(error) => Err(error),
                    };
                    open.between_rows = row.is_ok();
                    match row {
                        Ok(row) => out.send(row).await,
                        Err(error) => return Ok(Err(error)),
                    }
                    open.between_rows = false;
                    check = false;
                }
            }
            .await;
            let end = match end {
                Ok(result) if bracket != Bracket::None => {
                    open.between_rows = false;
                    let mut wire = Wire::<S::Database>::new(&mut *open.guard, watch, Duration::ZERO);
                    let closed = match &result {
                        Ok(()) => Ok(close_bracket(&mut wire, bracket, cx).await),
                        Err(_) => within(deadline, pin!(undo_bracket(&mut wire, bracket))).await,
                    };
                    if matches!(closed, Ok(Ok(()))) {
                        open.guard.close_unit();
                    }
                    closed.map(|closed| result.and(closed))
                }
                end => end,
            };
            settle::<S::Database, _, _>(&mut open.guard, end).map_err(|error| error.in_entity(E::META))
        })
    }

    /// How many rows the filters keep; order, limit and offset do not matter.
    ///
    /// Of a grouped query how many groups there are, of a distinct one how many different rows.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub fn count(self) -> impl Future<Output = Result<u64>> + Send + use<'s, E, S, X> {
        async move {
            let mut sql = sql_at(self.source);
            self.query.count::<S::Database, X>(&mut sql, E::META, &self.shape);
            run(self.source, self.cx("find.count"), Count { meta: E::META, statement: sql.finish()? }).await
        }
    }

    /// Whether there is such a row.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub fn exists(self) -> impl Future<Output = Result<bool>> + Send + use<'s, E, S, X> {
        async move {
            let mut sql = sql_at(self.source);
            self.query.exists::<S::Database, X>(&mut sql, E::META, &self.shape);
            sql.limit(self.at_most(1), self.query.offset);
            run(self.source, self.cx("find.exists"), Exists { meta: E::META, statement: sql.finish()? }).await
        }
    }
}

impl<'s, E, S> Find<'s, E, S>
where
    S: Source,
    E: On<S::Database>,
{
    /// Changes all rows that the filters keep, in one statement, and answers how many there were. A patch that
    /// changes nothing sends nothing and answers 0.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] before anything is sent if the patch breaks a rule; [`Error::BadRequest`] if the query has
    /// an order, a limit, an offset or `distinct`; those of the database.
    pub fn update(self, patch: E::Patch) -> BoxFuture<'s, Result<u64>>
    where
        S: Writable,
    {
        Box::pin(async move {
            validate::<E>(&patch)?;
            self.refuse_order("update")?;
            if patch.is_empty() {
                return Ok(0);
            }
            let cx = self.writing("find.update");
            let op = UpdateRows::<E>::new(Vec::new(), vec![patch], self.query, cx)?;
            run(self.source, cx, op).await
        })
    }

    /// Deletes all rows that the filters keep, in one statement, and answers how many there were. **Without a filter
    /// that is every row of the table.**
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`] if the query has an order, a limit, an offset or `distinct`, or shows
    /// [deleted rows alone](Find::only_deleted); those of the database.
    pub fn delete(self) -> BoxFuture<'s, Result<u64>>
    where
        S: Writable,
    {
        Box::pin(async move {
            self.refuse_order("delete")?;
            if self.query.deleted == Deleted::Only {
                let text = "`find().only_deleted().delete()` has nothing to delete: its rows are marked as deleted \
                            already; `purge()` removes them for good";
                return Err(Error::BadRequest(text.into()));
            }
            self.meet(Fate::Delete).await
        })
    }

    /// Lets all rows that the filters keep meet their fate.
    pub(crate) async fn meet(self, fate: Fate) -> Result<u64> {
        let cx = self.writing(match fate {
            Fate::Delete => "find.delete",
            Fate::Restore => "find.restore",
            Fate::Purge => "find.purge",
        });
        let Query { filters, deleted, .. } = self.query;
        let op = ByFilters::<E> { filters, deleted, fate, entity: std::marker::PhantomData };
        run(self.source, cx, op).await
    }

    /// How a write sees the source, at one time.
    pub(super) fn writing(&self, method: &'static str) -> Cx<'s> {
        self.cx(method).with(self.hooks).at_one_time().to_write()
    }

    pub(crate) fn refuse_order(&self, what: &str) -> Result<()> {
        let Query { order, limit, offset, distinct, .. } = &self.query;
        if order.is_empty() && limit.is_none() && offset.is_none() && !distinct {
            return Ok(());
        }
        let text = format!(
            "`find().{what}()` concerns all rows of its filters: it takes no order, limit, offset or `distinct`"
        );
        Err(Error::BadRequest(text.into()))
    }
}

/// A connection on which a stream is open.
struct Open<DB: Backend, G: SourceGuard<DB>> {
    guard: G,
    /// Nothing is being read just now.
    between_rows: bool,
    database: std::marker::PhantomData<fn() -> DB>,
}

impl<DB: Backend, G: SourceGuard<DB>> Open<DB, G> {
    fn new(mut guard: G) -> Self {
        guard.hold_for_stream();
        Self { guard, between_rows: false, database: std::marker::PhantomData }
    }
}

impl<DB: Backend, G: SourceGuard<DB>> Drop for Open<DB, G> {
    fn drop(&mut self) {
        if self.between_rows {
            self.guard.leave_rows();
        }
    }
}

impl<E: Entity, S, X> std::fmt::Debug for Find<'_, E, S, X> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Find<{}>", E::META.entity)
    }
}
