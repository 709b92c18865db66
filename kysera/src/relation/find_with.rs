//! Queries whose rows come with what is loaded for them.

use std::future::Future;

use futures_core::future::BoxFuture;

use super::load::{Load, attach};
use crate::entity::{Entity, On};
use crate::error::{Error, Result};
use crate::expr::{Filter, Order};
use crate::query::{Find, Plan};
use crate::source::Source;

/// A query whose rows come with what is loaded for them, made by [`Find::with`].
#[must_use = "a query does nothing until it is ended with `all`, `first`, `one`, `page` or `keyset`"]
pub struct FindWith<'s, E, S, L> {
    pub(crate) find: Find<'s, E, S>,
    pub(crate) load: L,
}

impl<'s, E, S> Find<'s, E, S> {
    /// Loads relations with the rows: `find().with(User::POSTS)` answers `(User, Vec<Post>)`.
    ///
    /// A tuple loads several, and [`with`](crate::relation::HasMany::with) on a relation what belongs to its rows. Each
    /// relation is one more statement, `SELECT .. WHERE <its key> = ANY($1)`, whatever the number of rows.
    ///
    /// A query that [joins](Find::join) loads nothing, and one that loads does not join: a relation to one row can be loaded
    /// like the others, `find().with((Post::AUTHOR, Post::COMMENTS))`.
    ///
    /// Rows are matched to their parents by the `Eq` of the key's type. Where the database takes for equal what differs, as
    /// MySQL does with upper and lower case, it is asked once more which keys it meant.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] mod doc {
    /// # use kysera::prelude::*;
    /// # #[derive(Repository)]
    /// # #[kysera(table = "users", has_many(posts = Post::AUTHOR_ID), has_one(profile = Profile::USER_ID))]
    /// # struct User { #[kysera(id)] id: i64 }
    /// # #[derive(Repository)]
    /// # #[kysera(table = "profiles")]
    /// # struct Profile { #[kysera(id)] id: i64, user_id: i64 }
    /// # #[derive(Repository)]
    /// # #[kysera(table = "posts", has_many(comments = Comment::POST_ID))]
    /// # struct Post { #[kysera(id)] id: i64, author_id: i64, views: i64 }
    /// # #[derive(Repository)]
    /// # #[kysera(table = "comments")]
    /// # struct Comment { #[kysera(id)] id: i64, post_id: i64 }
    /// type Page = (User, (Vec<(Post, Vec<Comment>)>, Option<Profile>));
    ///
    /// async fn pages(users: &UserRepository<Db<Sqlite>>) -> kysera::Result<Vec<Page>> {
    ///     let best = User::POSTS.order_by(Post::VIEWS.desc()).limit(3);
    ///     users.find().with((best.with(Post::COMMENTS), User::PROFILE)).all().await
    /// }
    /// # }
    /// ```
    pub fn with<L>(self, load: L) -> FindWith<'s, E, S, L>
    where
        S: Source,
        L: Load<E, S>,
    {
        FindWith { find: self, load }
    }
}

impl<'s, E, S, L> FindWith<'s, E, S, L> {
    /// As [`Find::filter`]: about the rows, not about what is loaded for them.
    pub fn filter(mut self, filter: Filter<E>) -> Self {
        self.find = self.find.filter(filter);
        self
    }

    /// As [`Find::filter_opt`].
    pub fn filter_opt(mut self, filter: Option<Filter<E>>) -> Self {
        self.find = self.find.filter_opt(filter);
        self
    }

    /// As [`Find::order_by`].
    pub fn order_by(mut self, order: Order<E>) -> Self {
        self.find = self.find.order_by(order);
        self
    }

    /// As [`Find::order_by_all`].
    pub fn order_by_all(mut self, orders: impl IntoIterator<Item = Order<E>>) -> Self {
        self.find = self.find.order_by_all(orders);
        self
    }

    /// As [`Find::limit`].
    pub fn limit(mut self, rows: u64) -> Self {
        self.find = self.find.limit(rows);
        self
    }

    /// As [`Find::offset`].
    pub fn offset(mut self, rows: u64) -> Self {
        self.find = self.find.offset(rows);
        self
    }
}

impl<'s, E, S, L> FindWith<'s, E, S, L>
where
    S: Source,
    E: On<S::Database>,
    L: Load<E, S> + 's,
{
    /// All rows, each with what was loaded for it.
    ///
    /// # Errors
    ///
    /// As [`Find::all`] and [`load_many`](super::load_many()).
    #[allow(clippy::type_complexity, reason = "names would hide what is answered")]
    pub fn all(self) -> BoxFuture<'s, Result<Vec<(E, L::Out)>>> {
        Box::pin(async move {
            let source = self.find.source;
            attach(source, self.find.all().await?, &self.load).await
        })
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    ///
    /// As [`all`](FindWith::all).
    #[allow(clippy::type_complexity, reason = "names would hide what is answered")]
    pub fn first(self) -> BoxFuture<'s, Result<Option<(E, L::Out)>>> {
        Box::pin(async move {
            let source = self.find.source;
            let row: Vec<E> = self.find.first().await?.into_iter().collect();
            Ok(attach(source, row, &self.load).await?.pop())
        })
    }

    /// The only row.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if there is none, [`Error::MoreThanOne`] if there are several; else as [`all`](FindWith::all).
    pub fn one(self) -> BoxFuture<'s, Result<(E, L::Out)>> {
        Box::pin(async move {
            let source = self.find.source;
            let row = vec![self.find.one().await?];
            attach(source, row, &self.load).await?.pop().ok_or(Error::NotFound { entity: E::META.entity })
        })
    }
}

impl<'s, E, S, L> FindWith<'s, E, S, L>
where
    S: Source,
    E: On<S::Database>,
{
    /// As [`Find::count`]: nothing is loaded.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub fn count(self) -> impl Future<Output = Result<u64>> + Send + use<'s, E, S, L> {
        self.find.count()
    }

    /// As [`Find::exists`]: nothing is loaded.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub fn exists(self) -> impl Future<Output = Result<bool>> + Send + use<'s, E, S, L> {
        self.find.exists()
    }

    /// The statement that finds the rows, as [`Find::to_sql`]; those that load depend on what it finds.
    ///
    /// # Errors
    ///
    /// As [`Find::to_sql`].
    pub fn to_sql(&self) -> Result<String> {
        self.find.to_sql()
    }

    /// How the database would find the rows, as [`Find::explain`].
    ///
    /// # Errors
    ///
    /// As [`Find::explain`].
    pub fn explain(self) -> impl Future<Output = Result<Plan>> + Send + use<'s, E, S, L> {
        self.find.explain()
    }
}

impl<E: Entity, S, L> std::fmt::Debug for FindWith<'_, E, S, L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}.with(..)", self.find)
    }
}
