//! What the plugin adds to a repository.

use std::sync::Arc;
use std::time::SystemTime;

use futures_core::future::BoxFuture;

use crate::entity::{Audited, Entity, On};
use crate::error::Result;
use crate::expr::IntoColumn;
use crate::query::{Find, RowOf};
use crate::repository::{IdOf, Repository, writing};
use crate::source::{Cx, Source, Writable, run};
use crate::write::audit_table_name;

use super::past::{StateAt, ValuesAt};
use super::restore::RestoreFrom;
use super::seen::SeenRow;
use super::{AuditEntry, AuditTable};

/// What the plugin `audit` adds to a repository. In the [prelude](crate::prelude).
///
/// `audit_log`, `history` and `changes_by` are queries like those of [`find`](Repository::find): they take more filters, other
/// orders and limits, and end in `all`, `first`, `count`, `stream`, pages and the like.
///
/// ```
/// # #[cfg(feature = "sqlite")] mod doc {
/// # use kysera::prelude::*;
/// # #[derive(Repository)]
/// # #[kysera::plugin(audit)]
/// # #[kysera(table = "users")]
/// # struct User { #[kysera(id)] id: i64, name: String }
/// use kysera::plugin::{AuditEntry, Operation};
///
/// /// What someone deleted, page by page, the last of it first.
/// async fn deleted_by(
///     users: &UserRepository<Db<Sqlite>>,
///     actor: &str,
///     after: Option<Cursor>,
/// ) -> kysera::Result<KeysetPage<AuditEntry>> {
///     let deletes = users.changes_by(actor).filter(AuditEntry::OPERATION.eq(Operation::Delete));
///     deletes.keyset(Keyset::first(20).after(after)).await
/// }
/// # }
/// ```
pub trait AuditMethods: Repository {
    /// The entries about rows of this entity, in no order: a query.
    ///
    /// Whoever may not see all rows, because of a [policy](crate::rls) or of the scope of a plugin, sees the entries of those rows
    /// that it may see as they are now. Those of rows that are gone for good are for
    /// [unrestricted](crate::Db::unrestricted) sources, also where another row has the key by now.
    #[track_caller]
    fn audit_log(&self) -> Find<'_, AuditEntry, Self::Source>
    where
        Self::Entity: Audited,
    {
        find(self, None)
    }

    /// The entries about one row, the newest first: a query.
    #[track_caller]
    fn history(&self, id: impl IntoColumn<IdOf<Self>>) -> Find<'_, AuditEntry, Self::Source>
    where
        Self::Entity: Audited,
    {
        find(self, Some(id.into_column())).order_by(AuditEntry::ID.desc())
    }

    /// The entries about rows of this entity that name an actor, the newest first: a query.
    #[track_caller]
    fn changes_by(&self, actor: impl Into<String>) -> Find<'_, AuditEntry, Self::Source>
    where
        Self::Entity: Audited,
    {
        self.audit_log().filter(AuditEntry::ACTOR.eq(Some(actor.into()))).order_by(AuditEntry::ID.desc())
    }

    /// An entry about a row of this entity, or `None`.
    ///
    /// # Errors
    ///
    /// Those of the database.
    #[track_caller]
    fn audit_entry(&self, entry: i64) -> BoxFuture<'_, Result<Option<AuditEntry>>>
    where
        Self::Entity: Audited,
        AuditEntry: On<<Self::Source as Source>::Database>,
    {
        let find = self.audit_log().filter(AuditEntry::ID.eq(entry));
        Box::pin(find.first())
    }

    /// Puts a row back to what it was before an entry, and answers it as stored.
    ///
    /// After an `update` the row is changed back to the old values, and so after a `delete` that marked it as deleted, which makes
    /// it live again, and after a `restore`, which marks it as deleted again. A row that was removed is created again, with its key. It is a write like
    /// any other, in one transaction: `updated_at` and the version go on, constraints hold, and it has an entry of its own.
    /// Validation and `before_update` of the entity's own plugins are not asked, since values that were stored once are no input.
    /// A [policy](crate::rls) is.
    ///
    /// Values are put back exactly, by the database. `read_only` columns are left to it. `sensitive` ones, which the log does
    /// not have, stay as they are; of a row that is created again they are NULL or the column's default, and an error where
    /// they can be neither. So is a column that is newer than the entry.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`](crate::Error::NotFound) if there is no such entry about rows of this entity, or no row to change;
    /// [`Error::Deleted`](crate::Error::Deleted) if the row to change is marked as deleted;
    /// [`Error::Audit`](crate::Error::Audit) if the entry says that the row was created, and if it does not have a value that
    /// is needed; [`Error::Violation`](crate::Error::Violation) for constraints, such as a key that was taken meanwhile.
    #[track_caller]
    fn restore_from_audit(&self, entry: i64) -> BoxFuture<'_, Result<Self::Entity>>
    where
        Self::Entity: Audited,
        Self::Source: Writable,
    {
        let cx = Cx::of(self.source(), "restore_from_audit");
        Box::pin(async move {
            let op = RestoreFrom::<Self::Entity> { entry, entity: std::marker::PhantomData };
            run(self.source(), writing(self, cx), op).await
        })
    }

    /// The row as it was at a time, as far as the log knows: `None` if it was not created yet or was deleted, and if nothing
    /// is written down about it.
    ///
    /// That is what the last entry at or before that time says, by its number. Rows that the source may not see now by what they
    /// were then are `None`, too.
    ///
    /// # Errors
    ///
    /// [`Error::Audit`](crate::Error::Audit) if the first entry about the row is later and not that of its creation, so that the
    /// log does not reach back that far; and if a `sensitive` column, or one that is newer than the entry, is not an `Option`:
    /// [`values_at`](Self::values_at) answers all the same. Those of the database.
    #[track_caller]
    fn state_at(
        &self,
        id: impl IntoColumn<IdOf<Self>>,
        time: impl Into<SystemTime>,
    ) -> BoxFuture<'_, Result<Option<Self::Entity>>>
    where
        Self::Entity: Audited,
    {
        let op = StateAt::<Self::Entity> { id: id.into_column(), time: time.into() };
        let cx = Cx::of(self.source(), "state_at");
        Box::pin(async move { run(self.source(), cx, op).await })
    }

    /// [`state_at`](Self::state_at) as it is written down: an object by the names of columns. Whoever may not see the row as it
    /// is now, gets nothing.
    ///
    /// # Errors
    ///
    /// Those of the database.
    #[track_caller]
    fn values_at(
        &self,
        id: impl IntoColumn<IdOf<Self>>,
        time: impl Into<SystemTime>,
    ) -> BoxFuture<'_, Result<Option<serde_json::Value>>>
    where
        Self::Entity: Audited,
    {
        let op = ValuesAt::<Self::Entity> { id: id.into_column(), time: time.into() };
        let cx = Cx::of(self.source(), "values_at");
        Box::pin(async move { run(self.source(), cx, op).await })
    }
}

impl<R: Repository> AuditMethods for R {}

#[track_caller]
fn find<R: Repository>(repository: &R, id: Option<IdOf<R>>) -> Find<'_, AuditEntry, R::Source>
where
    R::Entity: Audited,
{
    let source = repository.source();
    let name = audit_table_name(R::Entity::META, Cx::of(source, "audit_log"));
    // Where no row can be hidden, all entries are shown.
    let narrowed = id.is_some() || !R::Entity::META.has_fixed_scope();
    let row = narrowed.then(|| Arc::new(SeenRow::<R::Entity>::new(id)) as Arc<dyn RowOf>);
    AuditTable::of::<R::Entity>()
        .find(source, repository.hooks(), row)
        .filter(AuditEntry::TABLE_NAME.eq(name))
}
