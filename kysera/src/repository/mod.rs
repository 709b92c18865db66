//! The repository: typed CRUD over a source.

mod conflict;
mod create;
mod delete;
mod placed;
mod read;
mod sql;
mod touch;
mod transition;
mod update;
mod update_at;
mod upsert;
mod upsert_locked;

use std::sync::Arc;

use futures_core::future::BoxFuture;
use sqlx::SqlStr;

pub use conflict::Conflict;
pub(crate) use delete::{ByKeys, Restore};
pub(crate) use touch::{Touch, TouchMany};
pub(crate) use update_at::UpdateAt;

use crate::backend::Backend;
use crate::entity::{Draft, Entity, Mask, On, Patch};
use crate::error::{Error, Result};
use crate::expr::{Column, Hooks, IntoColumn};
use crate::query::{Count, Execute, Exists, FetchAll, FetchFirst, Find};
use crate::relation::{Load, load_many};
use crate::source::{Cx, Source, Writable, run};
use crate::write::{Fate, Prepare, validate, validate_all, validate_at};

/// The primary key of a repository's entity.
pub type IdOf<R> = <<R as Repository>::Entity as Entity>::Id;
/// What creates a row of a repository's entity.
pub type NewOf<R> = <<R as Repository>::Entity as Entity>::New;
/// What changes a row of a repository's entity.
pub type PatchOf<R> = <<R as Repository>::Entity as Entity>::Patch;

type DialectOf<R> = <<R as Repository>::Source as Source>::Database;

/// Typed access to the rows of one entity.
///
/// `#[derive(Repository)]` on a row struct `User` makes `UserRepository<S>`, which implements this trait over any
/// [`Source`], and `User::repo(source)`, which builds one. All methods take `&self` and answer futures that are `Send`;
/// the futures are boxed, so that rustc reports a mistake in a call once and generic code stays `Send`.
/// Methods that write ask for a [`Writable`] source.
///
/// What an entity's [plugins](mod@crate::plugin) do holds for all of these methods: rows that are marked as deleted, or that the
/// caller may not see, are not there; times and versions are written, and entries of the log.
///
/// What a method promises holds on every database; where their statements differ, the docs show PostgreSQL's. Input
/// without any element is answered at once, without a statement.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// use kysera::prelude::*;
///
/// #[derive(Debug, Repository)]
/// #[kysera(table = "users")]
/// struct User {
///     #[kysera(id)]
///     id: i64,
///     #[kysera(unique)]
///     email: String,
///     bio: Option<String>,
/// }
///
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// sqlx::raw_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, bio TEXT)")
///     .execute(db.pool())
///     .await?;
///
/// let users = User::repo(&db);
/// let ada = users.create(NewUser { email: "ada@example.org".into(), bio: None }).await?;
/// let ada = users.update(ada.id, UserPatch::new().bio("Countess")).await?;
/// assert_eq!(ada.bio.as_deref(), Some("Countess"));
/// assert_eq!(users.find().filter(User::EMAIL.ends_with("@example.org")).count().await?, 1);
/// assert!(users.delete(ada.id).await?);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))] fn main() {}
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a repository",
    note = "`#[derive(Repository)]` on a row struct `X` makes `XRepository<S>`"
)]
pub trait Repository: Send + Sync + Sized {
    /// The entity.
    type Entity: On<<Self::Source as Source>::Database>;
    /// Where statements run.
    type Source: Source;

    /// The source.
    fn source(&self) -> &Self::Source;

    /// What writes need to know of the context's type.
    #[doc(hidden)]
    fn hooks(&self) -> &'static Hooks {
        &Hooks::NONE
    }

    /// A query: filters, order, limit, and what to do with the rows.
    #[track_caller]
    fn find(&self) -> Find<'_, Self::Entity, Self::Source> {
        Find::new(self.source(), self.hooks())
    }

    /// The row with this key, or `None`.
    ///
    /// `SELECT <columns> FROM <table> WHERE <key> = $1`
    ///
    /// # Errors
    ///
    /// Those of the database; [`Error::Decode`] if the row does not fit the struct.
    #[track_caller]
    fn find_by_id(&self, id: impl IntoColumn<IdOf<Self>>) -> BoxFuture<'_, Result<Option<Self::Entity>>> {
        let id = id.into_column();
        let cx = Cx::of(self.source(), "find_by_id");
        Box::pin(async move {
            let statement = sql::find_statement::<DialectOf<Self>, Self::Entity>(cx, &id)?;
            run(self.source(), cx, FetchFirst::new(statement)).await
        })
    }

    /// The row with this key.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if there is none; else as [`find_by_id`](Repository::find_by_id).
    #[track_caller]
    fn get(&self, id: impl IntoColumn<IdOf<Self>>) -> BoxFuture<'_, Result<Self::Entity>> {
        let id = id.into_column();
        let cx = Cx::of(self.source(), "get");
        Box::pin(async move {
            let statement = sql::find_statement::<DialectOf<Self>, Self::Entity>(cx, &id)?;
            let row = run(self.source(), cx, FetchFirst::new(statement)).await?;
            row.ok_or_else(not_found::<Self::Entity>)
        })
    }

    /// The rows with these keys, in the order of the keys. Keys without a row are passed over, and a key that is given
    /// twice counts once.
    ///
    /// `SELECT <columns> FROM <table> WHERE <key> = ANY($1)`; several statements where the database limits their
    /// arguments.
    ///
    /// # Errors
    ///
    /// As [`find_by_id`](Repository::find_by_id).
    #[track_caller]
    fn find_by_ids<V: IntoColumn<IdOf<Self>>>(
        &self,
        ids: impl IntoIterator<Item = V>,
    ) -> BoxFuture<'_, Result<Vec<Self::Entity>>> {
        let ids: Vec<IdOf<Self>> = ids.into_iter().map(IntoColumn::into_column).collect();
        let cx = Cx::of(self.source(), "find_by_ids");
        Box::pin(async move {
            if ids.is_empty() {
                return Ok(Vec::new());
            }
            run(self.source(), cx, read::FindByIds::new(ids)).await
        })
    }

    /// All rows. They are all held in memory: [`find().stream()`](Find::stream) holds one.
    ///
    /// `SELECT <columns> FROM <table>`
    ///
    /// # Errors
    ///
    /// As [`find_by_id`](Repository::find_by_id).
    #[track_caller]
    fn find_all(&self) -> BoxFuture<'_, Result<Vec<Self::Entity>>> {
        let cx = Cx::of(self.source(), "find_all");
        Box::pin(async move {
            let statement =
                sql::read_statement::<DialectOf<Self>, Self::Entity>(cx, sql::Read::Select, None)?;
            run(self.source(), cx, FetchAll::new(statement)).await
        })
    }

    /// Whether there is a row with this key.
    ///
    /// `SELECT 1 FROM <table> WHERE <key> = $1`
    ///
    /// # Errors
    ///
    /// Those of the database.
    #[track_caller]
    fn exists(&self, id: impl IntoColumn<IdOf<Self>>) -> BoxFuture<'_, Result<bool>> {
        let id = id.into_column();
        let cx = Cx::of(self.source(), "exists");
        Box::pin(async move {
            let statement =
                sql::read_statement::<DialectOf<Self>, Self::Entity>(cx, sql::Read::Exists, Some(&id))?;
            run(self.source(), cx, Exists { meta: Self::Entity::META, statement }).await
        })
    }

    /// How many rows there are.
    ///
    /// `SELECT COUNT(*) FROM <table>`
    ///
    /// # Errors
    ///
    /// Those of the database.
    #[track_caller]
    fn count(&self) -> BoxFuture<'_, Result<u64>> {
        let cx = Cx::of(self.source(), "count");
        Box::pin(async move {
            let statement = sql::read_statement::<DialectOf<Self>, Self::Entity>(cx, sql::Read::Count, None)?;
            run(self.source(), cx, Count { meta: Self::Entity::META, statement }).await
        })
    }

    /// Loads relations for rows at hand; answers one element for each of them, in their order.
    ///
    /// `users.load_many(&rows, User::POSTS)` answers a `Vec<Post>` for each row: see [`Find::with`], which does the same
    /// for the rows that a query finds.
    ///
    /// # Errors
    ///
    /// Those of [`load_many`](crate::relation::load_many()).
    #[track_caller]
    fn load_many<'a, L: Load<Self::Entity, Self::Source> + 'a>(
        &'a self,
        rows: &'a [Self::Entity],
        load: L,
    ) -> BoxFuture<'a, Result<Vec<L::Out>>> {
        load_many(self.source(), rows, load)
    }

    /// Creates a row and answers it as stored, with what the database filled in.
    ///
    /// `INSERT INTO <table> (<columns>) VALUES (..) RETURNING <columns>`. Columns with a default that are `None` are
    /// left out. MySQL has no RETURNING: there the row is read back in the same transaction. What an AFTER trigger
    /// changes is in the answer on MySQL alone.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] before anything is sent if a rule is broken; [`Error::Violation`] for constraints;
    /// [`Error::NotStored`] if a trigger swallowed the row.
    #[track_caller]
    fn create(&self, new: NewOf<Self>) -> BoxFuture<'_, Result<Self::Entity>>
    where
        Self::Source: Writable,
    {
        let cx = Cx::of(self.source(), "create");
        Box::pin(async move {
            validate::<Self::Entity>(&new)?;
            let cx = writing(self, cx);
            let new = prepare(self, cx).create::<Self::Entity>(new)?;
            run(self.source(), cx, create::Create { new }).await
        })
    }

    /// Creates rows, all or none, and answers them as stored and in the order of the input.
    ///
    /// One statement for all on PostgreSQL, `INSERT .. SELECT .. FROM UNNEST(..) RETURNING ..`; elsewhere as many
    /// multi-row INSERTs as the limit on arguments asks for, in a transaction. Rows that leave different columns to
    /// their defaults are inserted in groups: then generated ids do not ascend with the input.
    ///
    /// All rows are held in memory; [`insert_many`](Repository::insert_many) does not do that.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] before anything is sent if any row breaks a rule, with paths like `[3].email`; else as
    /// [`create`](Repository::create).
    #[track_caller]
    fn create_many<'a>(
        &'a self,
        rows: impl IntoIterator<Item = NewOf<Self>>,
    ) -> BoxFuture<'a, Result<Vec<Self::Entity>>>
    where
        Self::Source: Writable,
    {
        let rows: Vec<NewOf<Self>> = rows.into_iter().collect();
        let cx = Cx::of(self.source(), "create_many");
        Box::pin(async move {
            validate_all::<Self::Entity>(&rows)?;
            if rows.is_empty() {
                return Ok(Vec::new());
            }
            let cx = writing(self, cx);
            let rows = prepare_all(self, cx, rows)?;
            run(self.source(), cx, create::CreateMany::new(DialectOf::<Self>::DIALECT, rows)).await
        })
    }

    /// Creates rows, all or none, and answers how many: the fast path, which reads nothing back.
    ///
    /// The iterator is taken batch by batch, so a million rows need the memory of one batch (at most 4096 rows). Each
    /// row is checked before its batch is sent; a row that breaks a rule undoes the batches before it.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] with paths like `[3].email` if a row breaks a rule; [`Error::Violation`] for constraints.
    #[track_caller]
    fn insert_many<'a, I>(&'a self, rows: I) -> BoxFuture<'a, Result<u64>>
    where
        I: IntoIterator<Item = NewOf<Self>>,
        I::IntoIter: Send + 'a,
        Self::Source: Writable,
    {
        let rows = rows.into_iter();
        let cx = Cx::of(self.source(), "insert_many");
        Box::pin(async move {
            let cx = writing(self, cx);
            let prepare = prepare(self, cx);
            let rows = rows.enumerate().map(move |(at, new)| {
                validate_at::<Self::Entity>(&new, at)?;
                prepare.create::<Self::Entity>(new)
            });
            let op = create::InsertMany::<Self::Entity, _>::new(DialectOf::<Self>::DIALECT, rows)?;
            if op.is_empty() {
                return Ok(0);
            }
            run(self.source(), cx, op).await
        })
    }

    /// Changes a row and answers it as stored. A patch that changes nothing reads the row.
    ///
    /// `UPDATE <table> SET .. WHERE <key> = $n RETURNING <columns>`; on MySQL the row is read back in the same
    /// transaction.
    ///
    /// A patch that was computed from a row read before, such as a stock minus one, may overwrite what another call wrote
    /// in between, also in a transaction: the default isolation of PostgreSQL does not prevent it. Say what was read as a
    /// filter, and see from the count whether it still held:
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] mod doc {
    /// # use kysera::prelude::*;
    /// # #[derive(Repository)]
    /// # #[kysera(table = "products")]
    /// # struct Product { #[kysera(id)] id: i64, stock: i32 }
    /// async fn take_one(products: &ProductRepository<Db<Sqlite>>, seen: &Product) -> kysera::Result<bool> {
    ///     let unchanged = Product::ID.eq(seen.id) & Product::STOCK.eq(seen.stock);
    ///     let patch = ProductPatch::new().stock(seen.stock - 1);
    ///     Ok(products.find().filter(unchanged).update(patch).await? == 1)
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] before anything is sent if a rule is broken; [`Error::NotFound`] if there is no such row;
    /// [`Error::Violation`] for constraints.
    #[track_caller]
    fn update(
        &self,
        id: impl IntoColumn<IdOf<Self>>,
        patch: PatchOf<Self>,
    ) -> BoxFuture<'_, Result<Self::Entity>>
    where
        Self::Source: Writable,
    {
        let id = id.into_column();
        let cx = Cx::of(self.source(), "update");
        Box::pin(async move {
            validate::<Self::Entity>(&patch)?;
            let row = if patch.is_empty() {
                self.find_by_id(id).await?
            } else {
                let cx = writing(self, cx);
                let patch = prepare(self, cx).update::<Self::Entity, _>(patch, Vec::new())?;
                run(self.source(), cx, update::Update { id, patch }).await?
            };
            row.ok_or_else(not_found::<Self::Entity>)
        })
    }

    /// Moves a row from one state to another if it is in the first one, with a patch for what else changes; answers the row
    /// as stored, or `None` if there is no such row or it is in another state. Of several that try at the same time one
    /// wins.
    ///
    /// `UPDATE <table> SET <column> = $1, .. WHERE <key> = $n AND <column> = $m RETURNING <columns>`: the question and the
    /// answer are one statement, so that nobody comes in between. (MySQL reads the row back in the same transaction.)
    /// `None` is NULL as a state as well. From a state to itself it answers the row if it is there.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] mod doc {
    /// # use kysera::prelude::*;
    /// # #[derive(Repository)]
    /// # #[kysera(table = "orders")]
    /// # struct Order { #[kysera(id)] id: i64, status: String, paid_at: Option<i64> }
    /// async fn pay(orders: &OrderRepository<Db<Sqlite>>, id: i64, now: i64) -> kysera::Result<bool> {
    ///     let patch = OrderPatch::new().paid_at(now);
    ///     let paid = orders.transition(id, Order::STATUS, "open", "paid", patch).await?;
    ///     Ok(paid.is_some())
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Before anything is sent: [`Error::Invalid`] if the patch breaks a rule (states are not asked for any);
    /// [`Error::BadRequest`] if the column is part of the key or `read_only`, or the patch sets it as well.
    /// [`Error::Violation`] for constraints, in which case nothing is changed.
    #[track_caller]
    fn transition<T: Send + Sync + 'static>(
        &self,
        id: impl IntoColumn<IdOf<Self>>,
        column: Column<Self::Entity, T>,
        from: impl IntoColumn<T>,
        to: impl IntoColumn<T>,
        patch: PatchOf<Self>,
    ) -> BoxFuture<'_, Result<Option<Self::Entity>>>
    where
        Self::Source: Writable,
    {
        let id = id.into_column();
        let (from, to) = (Arc::new(from.into_column()), Arc::new(to.into_column()));
        let cx = Cx::of(self.source(), "transition");
        Box::pin(async move {
            validate::<Self::Entity>(&patch)?;
            let cx = writing(self, cx);
            let op = transition::Transition::new(id, column.col(), from, to, patch, &prepare(self, cx))?;
            run(self.source(), cx, op).await
        })
    }

    /// Changes rows, all or none, each with its own patch, and answers them as stored and in the order of the input.
    ///
    /// One statement per set of columns that patches change (and per batch, where the database limits arguments). On
    /// PostgreSQL rows are locked in the order of their keys, so that two such calls cannot deadlock.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] before anything is sent if any patch breaks a rule, with paths like `[3].email`;
    /// [`Error::SameKey`] if a key is given twice; [`Error::Missing`] with the keys that do not exist;
    /// [`Error::Violation`] for constraints. Nothing is written then.
    #[track_caller]
    fn update_many<V: IntoColumn<IdOf<Self>>>(
        &self,
        rows: impl IntoIterator<Item = (V, PatchOf<Self>)>,
    ) -> BoxFuture<'_, Result<Vec<Self::Entity>>>
    where
        Self::Source: Writable,
    {
        let rows: Vec<_> = rows.into_iter().map(|(id, patch)| (id.into_column(), patch)).collect();
        let cx = Cx::of(self.source(), "update_many");
        Box::pin(async move {
            for (at, (_, patch)) in rows.iter().enumerate() {
                validate_at::<Self::Entity>(patch, at)?;
            }
            if rows.is_empty() {
                return Ok(Vec::new());
            }
            let cx = writing(self, cx);
            let prepare = prepare(self, cx);
            let prepared = rows.into_iter().map(|(id, patch)| {
                // What changes nothing is read, and no plugin makes a change of it.
                let patch = if patch.is_empty() {
                    Draft::new(patch)
                } else {
                    prepare.update::<Self::Entity, _>(patch, Vec::new())?
                };
                Ok((id, patch))
            });
            let rows: Vec<_> = prepared.collect::<Result<_>>()?;
            run(self.source(), cx, update::UpdateMany::new(DialectOf::<Self>::DIALECT, rows)?).await
        })
    }

    /// Creates a row or, where its key is taken, updates the one that is there; answers it as stored.
    ///
    /// `INSERT .. ON CONFLICT (<key>) DO UPDATE SET .. RETURNING <columns>`; on MySQL `ON DUPLICATE KEY UPDATE`, guarded
    /// so that it does not touch a row that has another unique key in common. Which key is meant, and what is updated,
    /// says [`Conflict`]; a column or a tuple of columns will do: `users.upsert(new, User::EMAIL)`.
    ///
    /// # Errors
    ///
    /// [`Error::Deleted`] if a row that is marked as deleted has the key, unless [`Conflict::restore`] says otherwise;
    /// [`Error::Denied`] if a row has it that a plugin hides from the caller;
    /// [`Error::BadRequest`] if the columns are not declared as a unique key; [`Error::Violation`] for constraints, other
    /// unique keys among them; else as [`create`](Repository::create).
    #[track_caller]
    fn upsert(
        &self,
        new: NewOf<Self>,
        conflict: impl Into<Conflict<Self::Entity>>,
    ) -> BoxFuture<'_, Result<Self::Entity>>
    where
        Self::Source: Writable,
    {
        let conflict = conflict.into();
        let cx = Cx::of(self.source(), "upsert");
        Box::pin(async move {
            validate::<Self::Entity>(&new)?;
            conflict.check()?;
            let cx = writing(self, cx);
            let new = prepare(self, cx).create::<Self::Entity>(new)?;
            run(self.source(), cx, upsert::Upsert { new, conflict }).await
        })
    }

    /// [`upsert`](Repository::upsert) of several rows, all or none, answered as stored and in the order of the input.
    ///
    /// One statement per set of given columns (and per batch, where the database limits arguments).
    ///
    /// # Errors
    ///
    /// [`Error::SameKey`] if two rows have the same key; else as [`upsert`](Repository::upsert), with paths like
    /// `[3].email` for broken rules.
    #[track_caller]
    fn upsert_many(
        &self,
        rows: impl IntoIterator<Item = NewOf<Self>>,
        conflict: impl Into<Conflict<Self::Entity>>,
    ) -> BoxFuture<'_, Result<Vec<Self::Entity>>>
    where
        Self::Source: Writable,
    {
        let rows: Vec<NewOf<Self>> = rows.into_iter().collect();
        let conflict = conflict.into();
        let cx = Cx::of(self.source(), "upsert_many");
        Box::pin(async move {
            validate_all::<Self::Entity>(&rows)?;
            conflict.check()?;
            if rows.is_empty() {
                return Ok(Vec::new());
            }
            let cx = writing(self, cx);
            let rows = prepare_all(self, cx, rows)?;
            let mut tries = 0;
            loop {
                let op = upsert::UpsertMany::new(DialectOf::<Self>::DIALECT, &rows, &conflict);
                match run(self.source(), cx, op).await {
                    // All of it was undone.
                    Err(Error::Stale { .. }) if tries < upsert_locked::TRIES => tries += 1,
                    Err(Error::Stale { entity }) => return Err(Error::NotStored { entity }),
                    stored => return stored,
                }
            }
        })
    }

    /// Deletes a row; answers whether there was one.
    ///
    /// `DELETE FROM <table> WHERE <key> = $1`. With the plugin `soft_delete` it is marked as deleted instead, and others along
    /// with it by `cascade`: `UPDATE <table> SET deleted_at = $1 WHERE <key> = $2 AND deleted_at IS NULL`.
    ///
    /// # Errors
    ///
    /// [`Error::Violation`] if other rows refer to it; those of the database.
    #[track_caller]
    fn delete(&self, id: impl IntoColumn<IdOf<Self>>) -> BoxFuture<'_, Result<bool>>
    where
        Self::Source: Writable,
    {
        let id = id.into_column();
        let cx = Cx::of(self.source(), "delete");
        Box::pin(async move {
            if !sql::writes_plainly::<Self::Entity>() {
                let op = delete::ByKeys::<Self::Entity> { ids: vec![id], fate: Fate::Delete };
                // Boxed, so that the future of a plain one stays small.
                return Ok(Box::pin(run(self.source(), writing(self, cx), op)).await? > 0);
            }
            let text = SqlStr::from_static(Self::Entity::TEXTS.of(DialectOf::<Self>::DIALECT).delete);
            let text = cx.text::<DialectOf<Self>>(Self::Entity::META, text);
            let statement =
                sql::bind::<DialectOf<Self>, Self::Entity>(cx, text, Mask::default(), None, Some(&id))?;
            let op = Execute { meta: Self::Entity::META, statement };
            Ok(run(self.source(), cx.to_write(), op).await? > 0)
        })
    }

    /// Deletes the rows with these keys, all or none; answers how many there were. Keys without a row are passed over.
    ///
    /// `DELETE FROM <table> WHERE <key> = ANY($1)`; several statements in a transaction where the database limits their
    /// arguments.
    ///
    /// # Errors
    ///
    /// As [`delete`](Repository::delete).
    #[track_caller]
    fn delete_many<V: IntoColumn<IdOf<Self>>>(
        &self,
        ids: impl IntoIterator<Item = V>,
    ) -> BoxFuture<'_, Result<u64>>
    where
        Self::Source: Writable,
    {
        let ids: Vec<IdOf<Self>> = ids.into_iter().map(IntoColumn::into_column).collect();
        let cx = Cx::of(self.source(), "delete_many");
        Box::pin(async move {
            if ids.is_empty() {
                return Ok(0);
            }
            let op = delete::ByKeys::<Self::Entity> { ids, fate: Fate::Delete };
            run(self.source(), writing(self, cx), op).await
        })
    }
}

/// How a write of a repository sees its source, at one time: that of its first poll.
pub(crate) fn writing<'s, R: Repository>(repository: &R, cx: Cx<'s>) -> Cx<'s> {
    cx.with(repository.hooks()).at_one_time().to_write()
}

fn prepare<'s, R: Repository>(_: &R, cx: Cx<'s>) -> Prepare<'s> {
    Prepare::new(R::Entity::META, cx.plugins())
}

fn prepare_all<R: Repository>(
    repository: &R,
    cx: Cx<'_>,
    rows: Vec<NewOf<R>>,
) -> Result<Vec<create::NewRow<R::Entity>>> {
    let prepare = prepare(repository, cx);
    rows.into_iter().map(|new| prepare.create::<R::Entity>(new)).collect()
}

pub(crate) fn not_found<E: Entity>() -> Error {
    Error::NotFound { entity: E::META.entity }
}
