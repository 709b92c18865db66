//! Queries whose rows come with what is loaded for them.

use futures_core::future::BoxFuture;

use super::join::Joined;
use super::load::{Load, attach};
use crate::backend::Backend;
use crate::entity::{Entity, On};
use crate::error::{Error, Result};
use crate::expr::{Filter, Order};
use crate::query::{Find, Plan, Rows, Shape};
use crate::source::Source;

/// A query whose rows come with what is loaded for them, made by [`Find::with`].
///
/// It has no stream: what is loaded takes a statement of its own, for many rows at once, which a stream on the same
/// connection would be in the way of. Take [`keyset`](FindWith::keyset) pages of a few hundred rows instead.
#[must_use = "a query does nothing until it is ended with `all`, `first`, `one`, `page`, `keyset`, `count` or `exists`"]
pub struct FindWith<'s, E, S: Source, T, X = Rows<E>> {
    pub(crate) find: Find<'s, E, S, X>,
    /// Without its type, so that what cannot be loaded is reported by `with` alone.
    pub(crate) load: Box<dyn Load<E, S, Out = T> + 's>,
}

/// A [`Shape`] with whole rows of `E` in it: [`Rows`], and those of joins.
#[diagnostic::on_unimplemented(
    message = "relations are loaded for whole rows, which this query does not select",
    label = "called on a query that selects something else",
    note = "load them with whole rows and take what you need of those"
)]
pub trait WholeRows<E, DB: Backend>: Shape<DB> {
    #[doc(hidden)]
    fn row(out: &Self::Out) -> &E;
}

impl<DB: Backend, E: On<DB>> WholeRows<E, DB> for Rows<E> {
    fn row(out: &E) -> &E {
        out
    }
}

impl<DB: Backend, E, J> WholeRows<E, DB> for Joined<E, J>
where
    Self: Shape<DB>,
    Self::Out: StartsWith<E>,
{
    fn row(out: &Self::Out) -> &E {
        out.start()
    }
}

/// Joined rows, of which the first one is the entity's own.
#[doc(hidden)]
pub trait StartsWith<E> {
    fn start(&self) -> &E;
}

macro_rules! starts_with {
    ($($T:ident),+) => {
        impl<E, $($T),+> StartsWith<E> for (E, $($T),+) {
            fn start(&self) -> &E {
                &self.0
            }
        }
    };
}
starts_with!(A);
starts_with!(A, B);
starts_with!(A, B, C);
starts_with!(A, B, C, D);

impl<'s, E, S, X> Find<'s, E, S, X> {
    /// Loads relations with the rows: `find().with(User::POSTS)` answers `(User, Vec<Post>)`.
    ///
    /// A tuple loads several, and [`with`](crate::relation::HasMany::with) on a relation what belongs to its rows. Each
    /// relation is one more statement, `SELECT .. WHERE <its key> = ANY($1)`, whatever the number of rows.
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
    ///
    /// Behind a join what is loaded is that of the first row, the entity's own: `find().join(Post::AUTHOR).with(Post::COMMENTS)`
    /// answers `((Post, User), Vec<Comment>)`.
    pub fn with<L>(self, load: L) -> FindWith<'s, E, S, L::Out, X>
    where
        S: Source,
        X: WholeRows<E, S::Database>,
        L: Load<E, S> + 's,
    {
        FindWith { find: self, load: Box::new(load) }
    }
}

impl<'s, E, S: Source, T, X> FindWith<'s, E, S, T, X> {
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

impl<'s, E, S, T, X> FindWith<'s, E, S, T, X>
where
    S: Source,
    E: On<S::Database>,
    T: Send + 's,
    X: WholeRows<E, S::Database>,
{
    /// All rows, each with what was loaded for it.
    ///
    /// # Errors
    ///
    /// As [`Find::all`] and [`load_many`](super::load_many()).
    #[allow(clippy::type_complexity, reason = "names would hide what is answered")]
    pub fn all(self) -> BoxFuture<'s, Result<Vec<(X::Out, T)>>> {
        Box::pin(async move {
            let (source, caller) = (self.find.source, self.find.caller);
            attach(source, caller, self.find.all().await?, &*self.load, X::row).await
        })
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    ///
    /// As [`all`](FindWith::all).
    #[allow(clippy::type_complexity, reason = "names would hide what is answered")]
    pub fn first(self) -> BoxFuture<'s, Result<Option<(X::Out, T)>>> {
        Box::pin(async move {
            let (source, caller) = (self.find.source, self.find.caller);
            let row: Vec<X::Out> = self.find.first().await?.into_iter().collect();
            Ok(attach(source, caller, row, &*self.load, X::row).await?.pop())
        })
    }

    /// The only row.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if there is none, [`Error::MoreThanOne`] if there are several; else as [`all`](FindWith::all).
    pub fn one(self) -> BoxFuture<'s, Result<(X::Out, T)>> {
        Box::pin(async move {
            let (source, caller) = (self.find.source, self.find.caller);
            let row = vec![self.find.one().await?];
            attach(source, caller, row, &*self.load, X::row)
                .await?
                .pop()
                .ok_or(Error::NotFound { entity: E::META.entity })
        })
    }

    /// How many rows there are, as [`Find::count`] counts them. Nothing is loaded for them.
    ///
    /// # Errors
    ///
    /// As [`Find::count`].
    pub fn count(self) -> BoxFuture<'s, Result<u64>> {
        Box::pin(self.find.count())
    }

    /// Whether there is a row, as [`Find::exists`] says. Nothing is loaded for it.
    ///
    /// # Errors
    ///
    /// As [`Find::exists`].
    pub fn exists(self) -> BoxFuture<'s, Result<bool>> {
        Box::pin(self.find.exists())
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
    pub fn explain(self) -> BoxFuture<'s, Result<Plan>> {
        Box::pin(self.find.explain())
    }
}

impl<E: Entity, S: Source, T, X> std::fmt::Debug for FindWith<'_, E, S, T, X> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}.with(..)", self.find)
    }
}
