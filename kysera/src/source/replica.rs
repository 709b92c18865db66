use super::begin::{Begin, Read};
use super::db::Db;
use super::lease::Lease;
use super::session::Settings;
use super::{Concurrent, Source};
use crate::backend::Backend;
use crate::error::Result;

/// The replicas of a [`Db`], as a source that only reads; made by [`Db::replica`]. A write through it does not compile.
///
/// Each statement goes to another replica, in turn, as long as it can be used: one that cannot be reached, breaks or is
/// [too far behind](super::ClusterBuilder::max_lag) is left out, and looked at again after a
/// [pause](super::ClusterBuilder::pause), by one connection, whoever asks meanwhile. A statement that meets the break fails with it;
/// it is not sent again. [`Db::replicas`] and [`Db::health`] tell which of them serve, and events of the target `kysera::replica`
/// when that changes.
///
/// Two statements may therefore be answered by two servers, of which the second one is behind the first. Statements that belong
/// together belong into a [transaction](Self::begin), which stays on one.
///
/// It has the context and the settings of the `Db` that it was asked of.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// use kysera::prelude::*;
///
/// #[derive(Repository)]
/// #[kysera(table = "users")]
/// struct User {
///     #[kysera(id)]
///     id: i64,
///     name: String,
/// }
///
/// // Without replicas, as on the machine of a developer, the database itself is read.
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// db.raw_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)").await?;
/// User::repo(&db).create(NewUser { name: "Ada".into() }).await?;
/// assert_eq!(User::repo(&db.replica()).count().await?, 1);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
///
/// ```compile_fail
/// # #[cfg(feature = "sqlite")] mod doc {
/// # use kysera::prelude::*;
/// # #[derive(Repository)]
/// # #[kysera(table = "users")]
/// # struct User { #[kysera(id)] id: i64, name: String }
/// # async fn doc(db: Db<Sqlite>) -> kysera::Result<()> {
/// User::repo(&db.replica()).delete(1).await // a read-only source cannot run a statement that writes
/// # }
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # compile_error!();
/// ```
#[must_use = "nothing is read until a repository is built on it"]
pub struct Replica<DB: Backend, C = ()> {
    db: Db<DB, C>,
    position: Option<u64>,
}

impl<DB: Backend, C: Send + Sync + 'static> Replica<DB, C> {
    pub(super) fn new(db: Db<DB, C>) -> Self {
        Self { db, position: None }
    }

    /// Configures and begins a transaction that only reads, on one replica: `db.replica().begin().run(|tx| async move { .. }).await?`,
    /// or `db.replica().begin().await?` for a [`ReadOnly<Tx>`](super::ReadOnly) that is ended by hand. With
    /// [`retry`](Begin::retry) each attempt may be on another one.
    #[track_caller]
    pub fn begin(&self) -> Begin<'_, DB, C, Read> {
        Begin::on_replica(&self.db, self)
    }

    pub(super) async fn lease(&self) -> Result<Lease<DB>> {
        self.db.in_time(self.db.replica_set().lease(&self.db, self.position)).await
    }
}

#[cfg(feature = "postgres")]
impl<C: Send + Sync + 'static> Replica<sqlx::Postgres, C> {
    /// The same replicas, of which only those serve that have come to a [position](super::Position): reads that see what was written
    /// before. `None` asks for nothing, as of a client that has not written yet. The further of two positions wins.
    ///
    /// If none of them has, they are asked again for 250 ms, or [otherwise](super::ClusterBuilder::wait_for_position); then the primary
    /// is read where it [may be](super::ClusterBuilder::fall_back_to_primary), and otherwise the read is refused with
    /// [`PoolError::Behind`](crate::error::PoolError::Behind). So long does a position at most take that does not exist.
    ///
    /// SQL: each statement and each transaction costs one more round trip, to ask for `pg_last_wal_replay_lsn()` on the connection on
    /// which it then runs.
    ///
    /// See [`Db::position`] for an example.
    pub fn at_least(mut self, position: impl Into<Option<super::Position>>) -> Self {
        self.position = self.position.max(position.into().map(super::Position::log));
        self
    }
}

impl<DB: Backend, C: Send + Sync + 'static> Source for Replica<DB, C> {
    type Database = DB;
    type Context = C;
    type Guard<'a> = Lease<DB>;

    async fn acquire(&self) -> Result<Self::Guard<'_>> {
        self.lease().await
    }

    fn context(&self) -> &C {
        self.db.context()
    }

    fn settings(&self) -> &Settings {
        Source::settings(&self.db)
    }
}

impl<DB: Backend, C: Send + Sync + 'static> Concurrent for Replica<DB, C> {}

impl<DB: Backend, C> Clone for Replica<DB, C> {
    fn clone(&self) -> Self {
        Self { db: self.db.clone(), position: self.position }
    }
}

impl<DB: Backend, C> std::fmt::Debug for Replica<DB, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replica").finish_non_exhaustive()
    }
}
