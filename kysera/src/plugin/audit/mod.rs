//! The audit log: what was done to each row, by whom and when.
//!
//! `#[kysera::plugin(audit)]` on an entity writes an entry for each row that a repository creates, changes, deletes, restores or
//! purges, in the same transaction: there is no change without its entry, and no entry without its change.
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> kysera::Result<()> {
//! use std::borrow::Cow;
//! use std::time::SystemTime;
//!
//! use kysera::Actor;
//! use kysera::plugin::AuditTable;
//! use kysera::prelude::*;
//!
//! #[derive(Debug, PartialEq, Repository)]
//! #[kysera(table = "users")]
//! #[kysera::plugin(audit(chain))]
//! struct User {
//!     #[kysera(id)]
//!     id: i64,
//!     name: String,
//!     #[kysera(sensitive)] // in the log it is `***`
//!     password: Option<String>,
//! }
//!
//! /// Who asks: the source's context says who is written down.
//! struct Principal {
//!     user: i64,
//! }
//!
//! impl Actor for Principal {
//!     fn actor(&self) -> Option<Cow<'_, str>> {
//!         Some(self.user.to_string().into())
//!     }
//! }
//!
//! let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
//! db.raw_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, password TEXT)").await?;
//! AuditTable::of::<User>().create(&db).await?; // or its SQL in a migration, see below
//!
//! let users = User::repo(db.clone().with_context(Principal { user: 7 }));
//! let ada = users.create(NewUser { name: "Ada".into(), password: Some("secret".into()) }).await?;
//! users.update(ada.id, UserPatch::new().name("Countess")).await?;
//! users.delete(ada.id).await?;
//!
//! let history = users.history(ada.id).all().await?; // the newest first
//! let operations: Vec<_> = history.iter().map(|entry| entry.operation.as_str()).collect();
//! assert_eq!(operations, ["delete", "update", "create"]);
//! assert_eq!(history[1].actor.as_deref(), Some("7"));
//! assert_eq!(history[1].old_value("name").unwrap(), "Ada");
//! assert_eq!(history[1].new_value("name").unwrap(), "Countess");
//! assert!(history[1].has_changed("name"));
//! assert_eq!(history[1].new_value("password").unwrap(), "***");
//!
//! // What was deleted is created again, and what was changed is changed back.
//! users.restore_from_audit(history[0].id).await?;
//! let ada = users.restore_from_audit(history[1].id).await?;
//! assert_eq!((&*ada.name, ada.password), ("Ada", None));
//! let now = users.state_at(ada.id, SystemTime::now()).await?;
//! assert_eq!(now.unwrap().name, "Ada");
//!
//! // Nobody has changed the log.
//! let report = AuditTable::of::<User>().verify_chain(&db).await?;
//! assert_eq!((report.entries, report.is_intact()), (5, true));
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "sqlite"))] fn main() {}
//! ```
//!
//! | option | means |
//! |---|---|
//! | `audit(table = "..")` | the table of the log; `audit_logs` if it says nothing |
//! | `audit(schema = "..")` | its schema; if it says nothing, that of the source, or where the connection looks |
//! | `audit(chain)` | each entry carries a hash of itself and of the one before it |
//! | `#[kysera(sensitive)]` on a field | its value is not written down, only that it changed |
//!
//! [`AuditMethods`] has what it adds to a repository, [`AuditTable`] what concerns the table as a whole; entries are of the
//! entity [`AuditEntry`].
//!
//! # What is written down
//!
//! Whatever a repository writes, one row or many, by keys or by filters: `create`, `update`, `upsert`, `delete` and all their
//! kin, `find().update()` and `find().set()`, rows that are deleted or restored along by `cascade`. The operation is `update` for
//! what `touch` and `transition` do; `delete` for rows that are marked as deleted, `purge` for those that are then removed.
//!
//! Not written down are
//!
//! * rows that do not change: an update to the values that are there, a delete of what is gone. (To the log, a column that
//!   goes from NULL to JSON's `null` does not change, nor does a number of PostgreSQL from `1.5` to `1.50`.)
//! * what the database does by itself: foreign keys with `ON DELETE CASCADE` or `SET NULL`, triggers on other tables.
//!   What triggers make of the row itself is, unless they run after the statement.
//! * SQL of your own, and writes of entities without the plugin to the same table.
//!
//! Values are those that are stored, as the database writes them in JSON: times and truth values look different on
//! PostgreSQL (`"2020-01-01T00:00:00+00:00"`, `true`) and elsewhere (`1`). Bytes are hexadecimal digits. Numbers keep all their
//! digits in the log; `serde_json::Value`, as which entries are read, may round those with more than an `f64` has, and
//! `restore_from_audit` and `state_at` do not. The key of a row is never covered, also if it is `sensitive`.
//!
//! Whoever may not see all rows, because of a [policy](crate::rls) or of a scope of a [plugin](super::Plugin), sees the entries of
//! those rows that it may see as they are now; those of rows that are gone for good are for
//! [unrestricted](crate::Db::unrestricted) sources. Entities of different sources that share a log in a schema of its own are told apart by the
//! name of their table, `tenant_a.users`.
//!
//! # What it costs
//!
//! On PostgreSQL the entries are part of the statement that writes the rows: `WITH` queries that lock the rows, change them,
//! and insert what they were and are. There is no further round trip, and bulk writes need no memory for it. On MySQL and
//! SQLite, and in chains, rows are locked and read, written, read again, and their entries inserted in statements of at most two
//! hundred: the old and new values of all rows of one write are held in memory. An entry takes the place of two rows.
//!
//! In a chain each write waits for the one before it to commit, whatever rows it concerns: keep transactions short. Its head
//! is locked before any row; a transaction that locks rows by other means first may deadlock, which is
//! [transient](crate::Error::is_transient).
//!
//! # Tables
//!
//! [`AuditTable::create`] creates what is missing, [`AuditTable::ddl`] answers the SQL. The account that writes rows needs
//! to insert into the log, and with a chain to read and update its head; without `DELETE` and `UPDATE` on the log it cannot
//! change what is written.
//!
#![doc = include_str!("ddl.md")]

mod entry;
mod keep;
mod methods;
mod past;
mod restore;
mod seen;
mod table;
mod values;

pub use entry::AuditEntry;
pub use keep::{ChainBreak, ChainReport};
pub use methods::AuditMethods;
pub use table::AuditTable;
