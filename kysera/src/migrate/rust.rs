//! Migrations that are written in Rust.

use std::future::Future;
use std::ops::{Deref, DerefMut};

use futures_util::future::BoxFuture;
use sqlx::SqlSafeStr;

use super::header::MigrationMeta;
use crate::backend::Backend;
use crate::error::{Error, Result};
use crate::source::{Borrowed, BorrowedGuard, Settings, Source, SourceGuard, Writable};

/// A migration in Rust, for what SQL alone cannot do.
///
/// It stands in one order with the files, by its version, and is written down in the same table. Repositories are built on the
/// `tx` that it is given; mind that a struct says what a table is today, and a migration works on what the table was then, so
/// most write SQL of their own.
///
/// Its checksum is the SHA-384 of the text `kysera migration <version> <description> <revision>`. Code has no text that could be
/// summed up: give it another [`revision`](Self::revision) when you change what it does, and databases to which it was applied
/// say so.
///
/// sqlx's own runner knows nothing of it, and refuses the database ("previously applied but is missing") unless it is told
/// `--ignore-missing`.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// use kysera::migrate::{Migration, MigrationTx, Migrator};
/// use kysera::prelude::*;
///
/// struct Slugs;
///
/// impl Migration<Sqlite> for Slugs {
///     fn version(&self) -> i64 {
///         2
///     }
///
///     fn description(&self) -> &str {
///         "slugs"
///     }
///
///     async fn up(&self, tx: &MigrationTx<'_, Sqlite>) -> kysera::Result<()> {
///         tx.raw_sql("ALTER TABLE posts ADD COLUMN slug TEXT").await?;
///         let titles: Vec<(i64, String)> =
///             sqlx::query_as("SELECT id, title FROM posts").fetch_all(&mut *tx.connection().await?).await?;
///         for (id, title) in titles {
///             let slug = title.to_lowercase().replace(' ', "-");
///             let update = sqlx::query("UPDATE posts SET slug = ? WHERE id = ?").bind(slug).bind(id);
///             update.execute(&mut *tx.connection().await?).await?;
///         }
///         Ok(())
///     }
/// }
///
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// db.raw_sql("CREATE TABLE posts (id INTEGER PRIMARY KEY, title TEXT NOT NULL); INSERT INTO posts VALUES (1, 'On Engines')").await?;
/// Migrator::new().with(Slugs)?.up(&db).await?;
/// let slug: String = sqlx::query_scalar("SELECT slug FROM posts").fetch_one(db.pool()).await?;
/// assert_eq!(slug, "on-engines");
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
pub trait Migration<DB: Backend>: Send + Sync + 'static {
    /// Its place in the order: above 0, and no other's.
    fn version(&self) -> i64;

    /// What it is called.
    fn description(&self) -> &str;

    /// Which state of its code this is.
    fn revision(&self) -> u32 {
        1
    }

    /// What is to be known of it.
    fn meta(&self) -> MigrationMeta {
        MigrationMeta::default()
    }

    /// Whether it runs in a transaction; if not, it is as a file that begins with `-- no-transaction`.
    fn in_transaction(&self) -> bool {
        true
    }

    /// Whether it can be undone: [`down`](Self::down) is called only then.
    fn is_reversible(&self) -> bool {
        false
    }

    /// Applies it.
    fn up(&self, tx: &MigrationTx<'_, DB>) -> impl Future<Output = Result<()>> + Send;

    /// Undoes it.
    fn down(&self, tx: &MigrationTx<'_, DB>) -> impl Future<Output = Result<()>> + Send {
        let _ = tx;
        let what = "a migration that says that it is reversible has a `down`";
        std::future::ready(Err(Error::BadRequest(what.into())))
    }
}

/// The same, without its type.
pub(super) trait AnyMigration<DB: Backend>: Send + Sync {
    fn in_transaction(&self) -> bool;
    fn is_reversible(&self) -> bool;
    fn up<'a, 'c: 'a>(&'a self, tx: &'a MigrationTx<'c, DB>) -> BoxFuture<'a, Result<()>>;
    fn down<'a, 'c: 'a>(&'a self, tx: &'a MigrationTx<'c, DB>) -> BoxFuture<'a, Result<()>>;
}

impl<DB: Backend, M: Migration<DB>> AnyMigration<DB> for M {
    fn in_transaction(&self) -> bool {
        Migration::in_transaction(self)
    }

    fn is_reversible(&self) -> bool {
        Migration::is_reversible(self)
    }

    fn up<'a, 'c: 'a>(&'a self, tx: &'a MigrationTx<'c, DB>) -> BoxFuture<'a, Result<()>> {
        Box::pin(Migration::up(self, tx))
    }

    fn down<'a, 'c: 'a>(&'a self, tx: &'a MigrationTx<'c, DB>) -> BoxFuture<'a, Result<()>> {
        Box::pin(Migration::down(self, tx))
    }
}

/// The connection on which a migration in Rust runs, within its transaction: a source for repositories.
///
/// The transaction is not to be ended on it: who does is found out, and told so.
pub struct MigrationTx<'c, DB: Backend> {
    source: Borrowed<'c, DB>,
}

impl<'c, DB: Backend> MigrationTx<'c, DB> {
    pub(super) fn new(source: Borrowed<'c, DB>) -> Self {
        Self { source }
    }

    /// Runs SQL as it stands, without arguments; several statements are separated by semicolons.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub async fn raw_sql(&self, sql: impl SqlSafeStr + Send) -> Result<()> {
        let sql = sql.into_sql_str();
        let mut guard = self.source.acquire().await?;
        let end = DB::raw(&mut guard, sql).await.map_err(Error::from);
        guard.settle(end.as_ref().map(drop));
        end
    }

    /// The connection, for sqlx: `sqlx::query(..).execute(&mut *tx.connection().await?)`.
    ///
    /// # Errors
    ///
    /// A connection that broke.
    pub async fn connection(&self) -> Result<MigrationConnection<'_, 'c, DB>> {
        Ok(MigrationConnection(self.source.acquire().await?))
    }
}

impl<'c, DB: Backend> Source for MigrationTx<'c, DB> {
    type Database = DB;
    type Context = ();
    type Guard<'a>
        = BorrowedGuard<'a, 'c, DB>
    where
        Self: 'a;

    fn acquire(&self) -> impl Future<Output = Result<Self::Guard<'_>>> + Send {
        self.source.acquire()
    }

    fn context(&self) -> &() {
        &()
    }

    fn settings(&self) -> &Settings {
        self.source.settings()
    }
}

impl<DB: Backend> Writable for MigrationTx<'_, DB> {}

impl<DB: Backend> std::fmt::Debug for MigrationTx<'_, DB> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MigrationTx").finish_non_exhaustive()
    }
}

/// The connection of a [`MigrationTx`], lent to user code.
pub struct MigrationConnection<'a, 'c, DB: Backend>(BorrowedGuard<'a, 'c, DB>);

impl<DB: Backend> Deref for MigrationConnection<'_, '_, DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        &self.0
    }
}

impl<DB: Backend> DerefMut for MigrationConnection<'_, '_, DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        &mut self.0
    }
}

impl<DB: Backend> Drop for MigrationConnection<'_, '_, DB> {
    fn drop(&mut self) {
        self.0.settle(Ok(()));
    }
}
