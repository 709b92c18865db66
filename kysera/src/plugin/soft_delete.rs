//! Rows that are marked as deleted, and stay.

use futures_core::future::BoxFuture;

use crate::entity::{Entity, On, SoftDeleted};
use crate::error::Result;
use crate::expr::{Deleted, IntoColumn};
use crate::query::Find;
use crate::relation::{BelongsTo, HasMany, HasOne, ManyToMany, Related, Relation};
use crate::repository::{ByKeys, IdOf, Repository, Restore, writing};
use crate::source::{Cx, Source, Writable, run};
use crate::write::Fate;

/// What the plugin `soft_delete` adds to a repository. In the [prelude](crate::prelude).
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// use kysera::prelude::*;
///
/// #[derive(Debug, Repository)]
/// #[kysera::plugin(soft_delete)]
/// #[kysera(table = "users")]
/// struct User {
///     #[kysera(id)]
///     id: i64,
///     name: String,
///     deleted_at: Option<i64>, // or a time of chrono or time
/// }
///
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// db.raw_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, deleted_at INTEGER)").await?;
/// let users = User::repo(&db);
/// let ada = users.create(NewUser { name: "Ada".into() }).await?;
///
/// assert!(users.delete(ada.id).await?);
/// assert!(users.find_by_id(ada.id).await?.is_none());
/// let trash = users.find().only_deleted().all().await?;
/// assert!(trash[0].deleted_at.is_some());
///
/// assert_eq!(users.restore(ada.id).await?.deleted_at, None);
/// assert!(users.purge(ada.id).await?); // for good
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))] fn main() {}
/// ```
pub trait SoftDeleteMethods: Repository {
    /// Makes a row live again that was marked as deleted, and answers it. Rows that were deleted along with it by `cascade`
    /// are restored along, by the time that they share (with a column of truth values: all that are marked).
    ///
    /// `UPDATE <table> SET deleted_at = NULL, .. WHERE <key> = $1 AND deleted_at IS NOT NULL RETURNING <columns>`; `updated_at`
    /// and the version are written as by any update.
    ///
    /// # Errors
    ///
    /// [`Error::NotDeleted`](crate::Error::NotDeleted) if the row is live; [`Error::NotFound`](crate::Error::NotFound) if there
    /// is none; [`Error::Violation`](crate::Error::Violation) if a live row has taken a unique key of it meanwhile.
    #[track_caller]
    fn restore(&self, id: impl IntoColumn<IdOf<Self>>) -> BoxFuture<'_, Result<Self::Entity>>
    where
        Self::Entity: SoftDeleted,
        Self::Source: Writable,
    {
        let id = id.into_column();
        let cx = Cx::of(self.source(), "restore");
        Box::pin(async move { run(self.source(), writing(self, cx), Restore::<Self::Entity> { id }).await })
    }

    /// [`restore`](Self::restore) of rows, all or none; answers how many there were. Live rows and keys without a row are
    /// passed over.
    ///
    /// # Errors
    ///
    /// [`Error::Violation`](crate::Error::Violation) for constraints; those of the database.
    #[track_caller]
    fn restore_many<V: IntoColumn<IdOf<Self>>>(
        &self,
        ids: impl IntoIterator<Item = V>,
    ) -> BoxFuture<'_, Result<u64>>
    where
        Self::Entity: SoftDeleted,
        Self::Source: Writable,
    {
        by_keys(self, Cx::of(self.source(), "restore_many"), ids, Fate::Restore)
    }

    /// Removes a row for good, live or marked as deleted; answers whether there was one.
    ///
    /// `DELETE FROM <table> WHERE <key> = $1`. It does not cascade: foreign keys do, if the schema says so.
    ///
    /// # Errors
    ///
    /// [`Error::Violation`](crate::Error::Violation) if other rows refer to it; those of the database.
    #[track_caller]
    fn purge(&self, id: impl IntoColumn<IdOf<Self>>) -> BoxFuture<'_, Result<bool>>
    where
        Self::Entity: SoftDeleted,
        Self::Source: Writable,
    {
        let count = by_keys(self, Cx::of(self.source(), "purge"), [id], Fate::Purge);
        Box::pin(async move { Ok(count.await? > 0) })
    }

    /// [`purge`](Self::purge) of rows, all or none; answers how many there were.
    ///
    /// # Errors
    ///
    /// As [`purge`](Self::purge).
    #[track_caller]
    fn purge_many<V: IntoColumn<IdOf<Self>>>(
        &self,
        ids: impl IntoIterator<Item = V>,
    ) -> BoxFuture<'_, Result<u64>>
    where
        Self::Entity: SoftDeleted,
        Self::Source: Writable,
    {
        by_keys(self, Cx::of(self.source(), "purge_many"), ids, Fate::Purge)
    }
}

impl<R: Repository> SoftDeleteMethods for R {}

fn by_keys<'s, R: Repository, V: IntoColumn<IdOf<R>>>(
    repository: &'s R,
    cx: Cx<'s>,
    ids: impl IntoIterator<Item = V>,
    fate: Fate,
) -> BoxFuture<'s, Result<u64>> {
    let ids: Vec<IdOf<R>> = ids.into_iter().map(IntoColumn::into_column).collect();
    Box::pin(async move {
        if ids.is_empty() {
            return Ok(0);
        }
        run(repository.source(), writing(repository, cx), ByKeys::<R::Entity> { ids, fate }).await
    })
}

impl<E: Entity, S, X> Find<'_, E, S, X> {
    /// Shows the rows that are marked as deleted as well.
    ///
    /// It concerns the rows of this query alone: those of relations, in filters, joins and loads, are hidden all the same.
    pub fn with_deleted(mut self) -> Self
    where
        E: SoftDeleted,
    {
        self.query.deleted = Deleted::Shown;
        self
    }

    /// Shows the rows that are marked as deleted, and no others.
    pub fn only_deleted(mut self) -> Self
    where
        E: SoftDeleted,
    {
        self.query.deleted = Deleted::Only;
        self
    }
}

impl<'s, E, S> Find<'s, E, S>
where
    S: Source,
    E: On<S::Database>,
{
    /// Makes all rows live again that are marked as deleted and that the filters keep; answers how many there were.
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`](crate::Error::BadRequest) if the query has an order, a limit, an offset or `distinct`;
    /// [`Error::Violation`](crate::Error::Violation) for constraints; those of the database.
    pub fn restore(self) -> BoxFuture<'s, Result<u64>>
    where
        E: SoftDeleted,
        S: Writable,
    {
        Box::pin(async move {
            self.refuse_order("restore")?;
            self.meet(Fate::Restore).await
        })
    }

    /// Removes all rows for good that the query sees, and answers how many there were: the live ones, unless it says
    /// [`only_deleted`](Self::only_deleted) or [`with_deleted`](Self::with_deleted).
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] mod doc {
    /// # use kysera::prelude::*;
    /// # #[derive(Repository)]
    /// # #[kysera::plugin(soft_delete)]
    /// # #[kysera(table = "users")]
    /// # struct User { #[kysera(id)] id: i64, deleted_at: Option<i64> }
    /// /// What was deleted before a time is gone.
    /// async fn empty_trash(users: &UserRepository<Db<Sqlite>>, before: i64) -> kysera::Result<u64> {
    ///     users.find().only_deleted().filter(User::DELETED_AT.lt(before)).purge().await
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`delete`](Find::delete).
    pub fn purge(self) -> BoxFuture<'s, Result<u64>>
    where
        E: SoftDeleted,
        S: Writable,
    {
        Box::pin(async move {
            self.refuse_order("purge")?;
            self.meet(Fate::Purge).await
        })
    }
}

impl<R: Relation> Related<R>
where
    R::Target: SoftDeleted,
{
    /// Shows the rows that are marked as deleted as well.
    #[must_use]
    pub fn with_deleted(mut self) -> Self {
        self.deleted = Deleted::Shown;
        self
    }

    /// Shows the rows that are marked as deleted, and no others.
    #[must_use]
    pub fn only_deleted(mut self) -> Self {
        self.deleted = Deleted::Only;
        self
    }
}

macro_rules! relations {
    ($($type:ident<P, C $(, through $link:ident)?>),*) => { $(
        impl<P: Entity, $($link: Entity,)? C: Entity> $type<P, $($link,)? C> {
            /// Shows the related rows that are marked as deleted as well: `users.find().with(User::POSTS.with_deleted())`.
            pub fn with_deleted(self) -> Related<Self>
            where
                C: SoftDeleted,
            {
                Related::all(self).with_deleted()
            }

            /// Shows the related rows that are marked as deleted, and no others.
            pub fn only_deleted(self) -> Related<Self>
            where
                C: SoftDeleted,
            {
                Related::all(self).only_deleted()
            }
        }
    )* };
}
relations!(HasMany<P, C>, HasOne<P, C>, BelongsTo<P, C>, ManyToMany<P, C, through L>);
