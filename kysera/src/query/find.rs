use std::future::Future;
use std::marker::PhantomData;

use futures_core::Stream;
use futures_core::future::BoxFuture;
use futures_util::TryStreamExt;

use super::{Count, Execute, Exists, FetchAll, FetchFirst};
use crate::backend::{Backend, Statement};
use crate::entity::{Cells, Entity, On, Patch};
use crate::error::{Error, Result};
use crate::expr::{Filter, Node, Order, OrderKey, Sql};
use crate::source::{Source, SourceGuard, Writable, generate, run};

/// A query on one entity, made by [`Repository::find`](crate::Repository::find).
///
/// Nothing is sent before one of the methods that end it is awaited: [`all`](Find::all), [`first`](Find::first),
/// [`one`](Find::one), [`stream`](Find::stream), [`count`](Find::count), [`exists`](Find::exists),
/// [`update`](Find::update) or [`delete`](Find::delete).
#[must_use = "a query does nothing until it is ended with `all`, `first`, `one`, `stream`, `count`, `exists`, `update` or `delete`"]
pub struct Find<'s, E, S> {
    source: &'s S,
    filters: Vec<Node>,
    order: Vec<OrderKey>,
    limit: Option<u64>,
    offset: Option<u64>,
    entity: PhantomData<fn() -> E>,
}

impl<S, E> Clone for Find<'_, E, S> {
    fn clone(&self) -> Self {
        Self {
            source: self.source,
            filters: self.filters.clone(),
            order: self.order.clone(),
            limit: self.limit,
            offset: self.offset,
            entity: PhantomData,
        }
    }
}

impl<'s, E, S> Find<'s, E, S> {
    pub(crate) fn new(source: &'s S) -> Self {
        Self {
            source,
            filters: Vec::new(),
            order: Vec::new(),
            limit: None,
            offset: None,
            entity: PhantomData,
        }
    }

    /// Keeps the rows for which the filter holds. Several calls keep those for which all of them hold.
    pub fn filter(mut self, filter: Filter<E>) -> Self {
        self.filters.push(filter.node);
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
        self.order.push(order.key);
        self
    }

    /// At most so many rows.
    pub fn limit(mut self, rows: u64) -> Self {
        self.limit = Some(rows);
        self
    }

    /// Leaves out the first rows.
    pub fn offset(mut self, rows: u64) -> Self {
        self.offset = Some(rows);
        self
    }
}

impl<'s, E, S> Find<'s, E, S>
where
    S: Source,
    E: On<S::Database>,
{
    /// `<head> WHERE .. ORDER BY .. LIMIT .. OFFSET ..`
    fn statement(&self, head: &str, limit: Option<u64>) -> Result<Statement<S::Database>> {
        let mut sql = Sql::starting(S::Database::DIALECT, head);
        sql.filters(&self.filters).order(&self.order).limit(limit, self.offset);
        sql.finish()
    }

    fn select(&self, limit: Option<u64>) -> Result<Statement<S::Database>> {
        self.statement(E::TEXTS.of(S::Database::DIALECT).select, limit)
    }

    /// All rows.
    ///
    /// # Errors
    ///
    /// Those of the database; [`Error::Decode`] if a row does not fit the struct.
    pub fn all(self) -> impl Future<Output = Result<Vec<E>>> + Send + use<'s, E, S> {
        async move {
            let statement = self.select(self.limit)?;
            run(self.source, FetchAll::new(statement)).await
        }
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    ///
    /// As [`all`](Find::all).
    pub fn first(self) -> impl Future<Output = Result<Option<E>>> + Send + use<'s, E, S> {
        async move {
            let statement = self.select(Some(self.limit.map_or(1, |limit| limit.min(1))))?;
            run(self.source, FetchFirst::new(statement)).await
        }
    }

    /// The only row.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if there is none, [`Error::MoreThanOne`] if there are several; else as [`all`](Find::all).
    pub fn one(self) -> impl Future<Output = Result<E>> + Send + use<'s, E, S> {
        async move {
            let statement = self.select(Some(self.limit.map_or(2, |limit| limit.min(2))))?;
            let mut rows = run(self.source, FetchAll::<E, _>::new(statement)).await?;
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
    /// dropping it early is fine. While it is open, other statements on the same transaction or [`Conn`](crate::Conn)
    /// are refused with [`StreamOpen`](crate::error::TransactionError::StreamOpen); a [`Db`](crate::Db) takes another
    /// connection for them, and must have one: with `sqlite::memory:`, which lives on a single one, they would wait
    /// for it until the acquire timeout.
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
    pub fn stream(self) -> impl Stream<Item = Result<E>> + Send + Unpin + use<'s, E, S> {
        generate(move |out| async move {
            let statement = self.select(self.limit)?;
            let mut guard = self.source.acquire().await?;
            guard.hold_for_stream();
            let result = async {
                let mut rows = S::Database::fetch(&mut guard, statement);
                let mut check = true;
                while let Some(row) = rows.try_next().await? {
                    out.send(E::decode(&mut Cells::new(&row, E::META, 0, check))?).await;
                    check = false;
                }
                Ok(())
            }
            .await
            .map_err(|error: Error| error.in_entity(E::META));
            guard.settle(result.as_ref().copied());
            result
        })
    }

    /// How many rows the filters keep; order, limit and offset do not matter.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub fn count(self) -> impl Future<Output = Result<u64>> + Send + use<'s, E, S> {
        async move {
            let mut sql = Sql::starting(S::Database::DIALECT, E::TEXTS.of(S::Database::DIALECT).count);
            sql.filters(&self.filters);
            run(self.source, Count { meta: E::META, statement: sql.finish()? }).await
        }
    }

    /// Whether there is such a row.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub fn exists(self) -> impl Future<Output = Result<bool>> + Send + use<'s, E, S> {
        async move {
            let mut sql = Sql::new(S::Database::DIALECT);
            sql.push("SELECT 1 FROM ").table(E::META).filters(&self.filters);
            sql.limit(Some(self.limit.map_or(1, |limit| limit.min(1))), self.offset);
            run(self.source, Exists { meta: E::META, statement: sql.finish()? }).await
        }
    }

    /// Changes all rows that the filters keep, in one statement, and answers how many there were. A patch that
    /// changes nothing sends nothing and answers 0.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] before anything is sent if the patch breaks a rule; [`Error::BadRequest`] if the query has
    /// an order, a limit or an offset; those of the database.
    pub fn update(self, patch: E::Patch) -> BoxFuture<'s, Result<u64>>
    where
        S: Writable,
    {
        Box::pin(async move {
            crate::repository::validate::<E>(&patch)?;
            self.refuse_order("update")?;
            if patch.is_empty() {
                return Ok(0);
            }
            let mut sql = Sql::new(S::Database::DIALECT);
            sql.push("UPDATE ").table(E::META).push(" SET ").assignments(E::META, &patch);
            sql.filters(&self.filters);
            let op = Execute { meta: E::META, statement: sql.finish()? };
            run(self.source, op).await
        })
    }

    /// Deletes all rows that the filters keep, in one statement, and answers how many there were. **Without a filter
    /// that is every row of the table.**
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`] if the query has an order, a limit or an offset; those of the database.
    pub fn delete(self) -> BoxFuture<'s, Result<u64>>
    where
        S: Writable,
    {
        Box::pin(async move {
            self.refuse_order("delete")?;
            let mut sql = Sql::new(S::Database::DIALECT);
            sql.push("DELETE FROM ").table(E::META).filters(&self.filters);
            let op = Execute { meta: E::META, statement: sql.finish()? };
            run(self.source, op).await
        })
    }

    fn refuse_order(&self, what: &str) -> Result<()> {
        if self.order.is_empty() && self.limit.is_none() && self.offset.is_none() {
            return Ok(());
        }
        let text =
            format!("`find().{what}()` concerns all rows of its filters: it takes no order, limit or offset");
        Err(Error::BadRequest(text.into()))
    }
}

impl<E: Entity, S: std::fmt::Debug> std::fmt::Debug for Find<'_, E, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Find<{}>", E::META.entity)
    }
}
