//! Pages whose rows come with what is loaded for them.

use std::future::IntoFuture;

use futures_core::future::BoxFuture;

use super::{Keyset, KeysetPage, Page, PageRequest};
use crate::entity::On;
use crate::error::Result;
use crate::relation::{FindWith, WholeRows, attach};
use crate::source::Source;

impl<'s, E, S, T, X> FindWith<'s, E, S, T, X>
where
    S: Source,
    E: On<S::Database>,
    T: Send + 's,
    X: WholeRows<E, S::Database>,
{
    /// One page, as of [`Find::page`](crate::query::Find::page), each row with what was loaded for it.
    ///
    /// # Errors
    ///
    /// As [`Find::page`](crate::query::Find::page) and [`load_many`](crate::relation::load_many).
    #[allow(clippy::type_complexity, reason = "an alias would hide what the rows are")]
    pub fn page(self, request: PageRequest) -> BoxFuture<'s, Result<Page<(X::Out, T)>>> {
        Box::pin(async move {
            let (source, caller) = (self.find.source, self.find.caller);
            let mut page = self.find.page(request).await?;
            let rows = std::mem::take(&mut page.items);
            Ok(page.with_items(attach(source, caller, rows, &*self.load, X::row).await?))
        })
    }
}

impl<'s, E, S, T> FindWith<'s, E, S, T>
where
    S: Source,
    E: On<S::Database>,
    T: Send + 's,
{
    /// One page, as of [`Find::keyset`](crate::query::Find::keyset), each row with what was loaded for it.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] mod doc {
    /// # use kysera::prelude::*;
    /// # #[derive(Repository)]
    /// # #[kysera(table = "users", has_many(posts = Post::AUTHOR_ID))]
    /// # struct User { #[kysera(id)] id: i64, name: String }
    /// # #[derive(Repository)]
    /// # #[kysera(table = "posts")]
    /// # struct Post { #[kysera(id)] id: i64, author_id: i64 }
    /// async fn page(
    ///     users: &UserRepository<Db<Sqlite>>,
    ///     after: Option<Cursor>,
    /// ) -> kysera::Result<KeysetPage<(User, Vec<Post>)>> {
    ///     users.find().order_by(User::NAME.asc()).with(User::POSTS).keyset(Keyset::first(20).after(after)).await
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Find::keyset`](crate::query::Find::keyset) and [`load_many`](crate::relation::load_many).
    #[allow(clippy::type_complexity, reason = "an alias would hide what the rows are")]
    pub fn keyset(self, keyset: Keyset) -> BoxFuture<'s, Result<KeysetPage<(E, T)>>> {
        Box::pin(async move {
            let (source, caller) = (self.find.source, self.find.caller);
            let mut page = self.find.keyset(keyset).into_future().await?;
            let rows = std::mem::take(&mut page.items);
            Ok(page.with_items(attach(source, caller, rows, &*self.load, |row| row).await?))
        })
    }
}
