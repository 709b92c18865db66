//! Optimistic locking.

use futures_core::future::BoxFuture;

use crate::entity::{Entity, Versioned};
use crate::error::Result;
use crate::expr::IntoColumn;
use crate::repository::{IdOf, PatchOf, Repository, UpdateAt, writing};
use crate::source::{Cx, Writable, run};
use crate::write::{Prepare, validate};

/// The type of the version of a repository's entity.
pub type VersionOf<R> = <<R as Repository>::Entity as Versioned>::Version;

/// What the plugin `version` adds to a repository. In the [prelude](crate::prelude).
///
/// Every update counts the version up; these two also ask whether it is still the one that was read.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// use kysera::Error;
/// use kysera::prelude::*;
///
/// #[derive(Debug, Clone, Repository)]
/// #[kysera::plugin(version)]
/// #[kysera(table = "accounts")]
/// struct Account {
///     #[kysera(id)]
///     id: i64,
///     balance: i64,
///     version: i32,
/// }
///
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// db.raw_sql("CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL, version INTEGER NOT NULL)").await?;
/// let accounts = Account::repo(&db);
/// let read = accounts.create(NewAccount { balance: 10 }).await?;
///
/// let mut mine = read.clone();
/// mine.balance += 5;
/// let saved = accounts.save(&mine).await?;
/// assert_eq!((saved.balance, saved.version), (15, 2));
///
/// // Someone who read it before that does not overwrite it.
/// let patch = AccountPatch::new().balance(read.balance - 1);
/// let stale = accounts.update_at(read.id, read.version, patch).await;
/// assert!(matches!(stale, Err(Error::Stale { .. })));
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))] fn main() {}
/// ```
pub trait VersionMethods: Repository {
    /// Changes a row if it has this version, and answers it as stored, with the next one.
    ///
    /// `UPDATE <table> SET .., version = version + 1 WHERE <key> = $n AND version = $m RETURNING <columns>`; on PostgreSQL the
    /// same statement tells why no row was changed. A patch that changes nothing reads the row, and counts nothing up.
    ///
    /// # Errors
    ///
    /// [`Error::Stale`](crate::Error::Stale) if the row has another version; [`Error::NotFound`](crate::Error::NotFound) if
    /// there is no such row; else as [`update`](Repository::update).
    #[track_caller]
    fn update_at(
        &self,
        id: impl IntoColumn<IdOf<Self>>,
        version: impl IntoColumn<VersionOf<Self>>,
        patch: PatchOf<Self>,
    ) -> BoxFuture<'_, Result<Self::Entity>>
    where
        Self::Entity: Versioned,
        Self::Source: Writable,
    {
        let (id, version) = (id.into_column(), version.into_column());
        let cx = Cx::of(self.source(), "update_at");
        Box::pin(write_at(self, cx, id, version, patch, false))
    }

    /// Writes a row that was read and changed, if nobody else has changed it since: every column that an update may set, as it
    /// is in the row. Answers it as stored, with the next version.
    ///
    /// A column with [`read_if`](derive@crate::Repository) stays as it is where the caller may not read it, whatever the row has in its
    /// place. One with `write_if` counts as written, also where it has not changed: who may not write it says what to change, with
    /// [`update_at`](Self::update_at).
    ///
    /// # Errors
    ///
    /// As [`update_at`](Self::update_at).
    #[track_caller]
    fn save(&self, row: &Self::Entity) -> BoxFuture<'_, Result<Self::Entity>>
    where
        Self::Entity: Versioned,
        VersionOf<Self>: IntoColumn<VersionOf<Self>>,
        IdOf<Self>: IntoColumn<IdOf<Self>>,
        Self::Source: Writable,
    {
        let cx = Cx::of(self.source(), "save");
        Box::pin(write_at(
            self,
            cx,
            row.id().into_column(),
            row.version().into_column(),
            row.to_patch(),
            true,
        ))
    }
}

impl<R: Repository> VersionMethods for R {}

/// `read`: the patch is a whole row, as it was read.
async fn write_at<R: Repository>(
    repo: &R,
    cx: Cx<'_>,
    id: IdOf<R>,
    version: VersionOf<R>,
    patch: PatchOf<R>,
    read: bool,
) -> Result<R::Entity>
where
    R::Entity: Versioned,
    R::Source: Writable,
{
    validate::<R::Entity>(&patch)?;
    let cx = writing(repo, cx);
    let prepare = Prepare::new(R::Entity::META, cx.plugins());
    let op = UpdateAt::<R::Entity>::new(id, std::sync::Arc::new(version), patch, &prepare)?;
    run(repo.source(), cx, if read { op.read() } else { op }).await
}
