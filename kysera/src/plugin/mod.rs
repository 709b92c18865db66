//! Plugins: what a struct asks for beyond its columns, compiled into its statements.
//!
//! `#[kysera::plugin(..)]` on a row struct lists them, in any order and in front of the derive or behind it:
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> kysera::Result<()> {
//! use kysera::Error;
//! use kysera::prelude::*;
//!
//! #[derive(Debug, Clone, Repository)]
//! #[kysera::plugin(soft_delete, timestamps, version)]
//! #[kysera(table = "users")]
//! struct User {
//!     #[kysera(id)]
//!     id: i64,
//!     name: String,
//!     // Neither `NewUser` nor `UserPatch` has these: the plugins write them.
//!     version: i32,
//!     created_at: i64, // seconds; or a time of chrono or time
//!     updated_at: i64,
//!     deleted_at: Option<i64>,
//! }
//!
//! let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
//! db.raw_sql(
//!     "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, version INTEGER NOT NULL,
//!      created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, deleted_at INTEGER)",
//! )
//! .await?;
//! let users = User::repo(&db);
//!
//! let ada = users.create(NewUser { name: "Ada".into() }).await?;
//! assert_eq!((ada.version, ada.created_at), (1, ada.updated_at));
//! users.update(ada.id, UserPatch::new().name("Ada L.")).await?;
//! assert!(matches!(users.save(&ada).await, Err(Error::Stale { .. }))); // `ada` is what was read before that
//!
//! users.delete(ada.id).await?; // marks it
//! assert_eq!(users.find().count().await?, 0);
//! assert_eq!(users.find().with_deleted().count().await?, 1);
//! assert_eq!(users.restore(ada.id).await?.version, 4);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "sqlite"))] fn main() {}
//! ```
//!
//! # What there is
//!
//! | plugin | what it does | methods |
//! |---|---|---|
//! | `soft_delete` | marks rows as deleted, and hides them from every statement | [`SoftDeleteMethods`], [`Find::with_deleted`](crate::query::Find::with_deleted), [`only_deleted`](crate::query::Find::only_deleted), [`restore`](crate::query::Find::restore), [`purge`](crate::query::Find::purge) |
//! | `timestamps` | writes when a row was created and last updated | [`TimestampMethods`] |
//! | `version` | counts updates, and refuses those of a row that was changed meanwhile | [`VersionMethods`] |
//! | `audit` | writes down who changed what, in the transaction that does it; needs the feature `audit` | `AuditMethods` in the module `audit` |
//! | `rls` | who may do what with which rows | [`PolicyMethods`](crate::rls::PolicyMethods); see [`rls`](crate::rls) |
//! | a type of yours | whatever you make of [`Plugin`] | |
//!
//! Their options, and what they ask of the struct, are in the docs of the attribute [`plugin`](macro@crate::plugin).
//!
//! # What holds
//!
//! * **On every path.** A deleted row is invisible to reads by key, queries, counts, pages, streams, joins, EXISTS, relation loads
//!   and to updates alike; times and versions are written by bulk methods, upserts and `find().update(..)` as by `update`. There
//!   is no way around that but SQL of your own.
//! * **At no extra cost where that is possible.** The conditions and assignments are part of the statement that runs anyway: on
//!   PostgreSQL a write with all four plugins is one statement, one round trip. On MySQL and SQLite an audited write is a
//!   transaction of a few statements. Without plugins, statements are what they would be if there were none.
//! * **At one time.** All that an operation writes has one time, from the [`Clock`](crate::Clock) of the `Db`, in whole microseconds.
//! * **In any order.** The plugins of a struct do the same whatever the order in which they are listed.
//!
//! | write | `timestamps` | `version` | `audit` |
//! |---|---|---|---|
//! | `create`, `create_many`, `insert_many` | both times | 1 | `create` |
//! | `update`, `update_many`, `update_at`, `save`, `transition`, `find().update(..)`, `find().set(..)` | `updated_at` | one more | `update` |
//! | `upsert`, `upsert_many` of a new row | both times | 1 | `create` |
//! | `upsert`, `upsert_many` of one that is there | `updated_at` | one more | `update`; `restore` by [`Conflict::restore`](crate::Conflict::restore) of a deleted one |
//! | `touch`, `touch_many` | `updated_at` | one more | `update` |
//! | `delete`, `delete_many`, `find().delete()` with `soft_delete` | | one more | `delete` |
//! | the same without `soft_delete` | | | `delete` |
//! | `restore`, `restore_many`, `find().restore()` | `updated_at` | one more | `restore` |
//! | `purge`, `purge_many`, `find().purge()` | | | `purge` |
//!
//! An update whose patch is empty writes nothing. `find().update(..)` and `find().set(..)` count versions up without comparing
//! them: they change the rows as they are.
//!
//! # Plugins of your own
//!
//! A plugin is a type that implements [`Plugin`] for an entity, or for all of them. It may narrow what a caller sees
//! ([`scope`](Plugin::scope)), look at and add to what is written ([`before_create`](Plugin::before_create),
//! [`before_update`](Plugin::before_update)), and act on what was written, in the same transaction
//! ([`after_write`](Plugin::after_write)). It is told the [context](PluginContext::context) of the source.
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> kysera::Result<()> {
//! use kysera::plugin::{Changes, Plugin, PluginContext};
//! use kysera::prelude::*;
//!
//! /// Fills a column with the name of whoever writes the row, whatever the entity.
//! struct WrittenBy<E> {
//!     column: kysera::Column<E, String>,
//! }
//!
//! struct Caller(&'static str);
//!
//! impl<E: Entity> Plugin<E> for WrittenBy<E> {
//!     const NAME: &'static str = "written_by";
//!     // It neither hides rows nor has anything to do afterwards: statements stay as simple as they are without it.
//!     const SCOPE: bool = false;
//!     const AFTER_WRITE: bool = false;
//!
//!     fn before_create(&self, row: &mut Changes<'_, E>, cx: &PluginContext<'_>) -> kysera::Result<()> {
//!         let name = cx.context::<Caller>().map_or("nobody", |caller| caller.0);
//!         row.set(self.column, name);
//!         Ok(())
//!     }
//! }
//!
//! #[derive(Debug, Repository)]
//! #[kysera::plugin(WrittenBy(column = Note::AUTHOR))]
//! #[kysera(table = "notes")]
//! struct Note {
//!     #[kysera(id)]
//!     id: i64,
//!     text: String,
//!     #[kysera(read_only)] // neither `NewNote` nor `NotePatch` has it
//!     author: String,
//! }
//!
//! let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
//! db.raw_sql("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL, author TEXT NOT NULL)").await?;
//! let session = db.with_context(Caller("ada"));
//! let note = Note::repo(&session).create(NewNote { text: "Hello".into() }).await?;
//! assert_eq!(note.author, "ada");
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "sqlite"))] fn main() {}
//! ```
//!
//! | method | hooks |
//! |---|---|
//! | `create`, `create_many`, `insert_many` | `before_create` of each row, `after_write` |
//! | `upsert`, `upsert_many` | `before_create` of each row; `after_write` says what it became |
//! | `update`, `update_many`, `update_at`, `save`, `transition`, `touch`, `find().update(..)`, `find().set(..)` | `before_update` of each patch, `after_write` |
//! | `delete`, `restore`, `purge` and their kin, rows that are deleted or restored along by `cascade` | `after_write` |
//! | all of them, and reads | `scope` |
//!
//! Options are the fields of the type, checked by the compiler like any struct's: `WrittenBy(column = Note::AUTHOR)` is
//! `WrittenBy { column: Note::AUTHOR }`. A type without options is named alone, and `Limit::new(3)` is a call of a `const fn`.
//! Plugins that exclude each other, or need another one that is not listed, do not compile.

#[cfg(feature = "audit")]
pub mod audit;
mod custom;
mod fit;
mod soft_delete;
mod times;
mod timestamps;
mod tx;
mod version;

#[cfg(feature = "audit")]
pub use audit::{AuditEntry, AuditMethods, AuditTable, ChainBreak, ChainReport};
#[doc(hidden)]
pub use custom::{Facts, PluginSet, after_write_of, facts_of, scope_of};
pub use custom::{Phase, Plugin};
#[doc(hidden)]
pub use fit::check;
pub use soft_delete::SoftDeleteMethods;
pub use times::{DeletedAt, Timestamp, VersionNumber};
#[doc(hidden)]
pub use times::{first_version, stamp};
pub use timestamps::TimestampMethods;
pub use tx::PluginTx;
pub use version::{VersionMethods, VersionOf};

pub use crate::entity::{Audited, Changes, Operation, SoftDeleted, Timestamped, Versioned, Written};
pub use crate::expr::{Actor, PluginContext};
