use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::deadline::{Deadline, in_time, within};
use super::lease::Lease;
use super::session::{Session, Settings};
use super::turn::{Turn, TurnGuard};
use super::tx_state::{TxState, finished};
use super::verdict::verdict;
use super::{Bracket, InTransaction, Source, SourceGuard, Unit, Writable};
use crate::backend::Backend;
use crate::error::{DeadlineStage, Error, Result, TransactionError};

/// The transaction itself, which all of its handles share.
pub(super) struct Inner<DB: Backend> {
    turn: Turn<TxState<DB>>,
    /// The living scopes, outermost first: the transaction, then savepoints. Ids rather than levels, because the handle
    /// of a savepoint that is over must not fit a later one of the same depth.
    scopes: Mutex<Vec<u64>>,
    next_scope: AtomicU64,
    deadline: Option<Deadline>,
}

/// The scope of the transaction as a whole.
const ROOT: u64 = 0;

impl<DB: Backend> Inner<DB> {
    fn scopes(&self) -> MutexGuard<'_, Vec<u64>> {
        self.scopes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many savepoints `scope` stands under.
    fn level(&self, scope: u64) -> Result<u32> {
        let scopes = self.scopes();
        match scopes.iter().position(|living| *living == scope) {
            None => Err(finished()),
            Some(at) if at + 1 < scopes.len() => Err(Error::Transaction(TransactionError::SavepointOpen)),
            Some(at) => Ok(u32::try_from(at).unwrap_or(u32::MAX)),
        }
    }

    /// Waits for its turn.
    async fn lock(&self, scope: u64) -> Result<(TurnGuard<'_, TxState<DB>>, u32)> {
        self.level(scope)?;
        let late = |deadline: Deadline| Err(deadline.error(DeadlineStage::Before));
        let state = within(self.deadline, pin!(self.turn.take())).await.unwrap_or_else(late)?;
        let level = self.level(scope)?;
        Ok((state, level))
    }

    async fn enter(&self, scope: u64) -> Result<TxGuard<'_, DB>> {
        in_time(self.deadline)?;
        let (mut state, level) = self.lock(scope).await?;
        let entered = within(self.deadline, pin!(state.enter(level))).await;
        state.ended(entered)?;
        Ok(TxGuard { state, undone: false })
    }

    async fn commit(&self, scope: u64) -> Result<()> {
        let (mut state, level) = self.lock(scope).await?;
        if scope == ROOT {
            self.scopes().clear();
            return state.commit().await;
        }
        self.leave(scope);
        in_time(self.deadline)?;
        let kept = within(self.deadline, pin!(state.keep(level))).await;
        state.ended(kept)
    }

    async fn rollback(&self, scope: u64) -> Result<()> {
        let (mut state, level) = self.lock(scope).await?;
        if scope == ROOT {
            self.scopes().clear();
            return state.rollback().await;
        }
        self.leave(scope);
        // Undoes the savepoint itself with whatever is left within it. After the deadline, all of the transaction is.
        in_time(self.deadline)?;
        let undone = within(self.deadline, pin!(state.restore(level - 1))).await;
        state.ended(undone)
    }

    /// Commits or rolls back as the closure's result says, unless the closure did so by itself.
    pub(super) async fn conclude<T>(&self, scope: u64, result: Result<T>) -> Result<T> {
        if !self.scopes().contains(&scope) {
            return result;
        }
        match result {
            Ok(value) => self.commit(scope).await.map(|()| value),
            Err(error) => {
                // The closure's error counts; what could not be undone is undone or closed by the next use.
                let _ = self.rollback(scope).await;
                Err(error)
            }
        }
    }

    /// Ends a scope and those within it.
    fn leave(&self, scope: u64) {
        let mut scopes = self.scopes();
        if let Some(at) = scopes.iter().position(|living| *living == scope) {
            scopes.truncate(at);
        }
    }
}

/// Ends the scope of a closure, also when the future that ran it is dropped.
pub(super) struct Scope<DB: Backend> {
    inner: Arc<Inner<DB>>,
    id: u64,
}

impl<DB: Backend> Scope<DB> {
    pub(super) async fn conclude<T>(self, result: Result<T>) -> Result<T> {
        self.inner.conclude(self.id, result).await
    }
}

impl<DB: Backend> Drop for Scope<DB> {
    fn drop(&mut self) {
        self.inner.leave(self.id);
        // A handle may have been left somewhere, and the connection must not wait for it. Whoever has its turn just now
        // keeps the connection until the last handle goes.
        if self.id == ROOT
            && let Some(mut state) = self.inner.turn.try_take()
        {
            state.end();
        }
    }
}

/// A transaction, or a savepoint within one: the handle through which statements run.
///
/// Begun with [`Db::transaction`](super::Db::transaction) or [`Db::begin`](super::Db::begin). All methods take `&self`,
/// and so do the repositories built on it; statements that are started together (`join!`) take turns.
///
/// # What ends it
///
/// [`commit`](Self::commit), [`rollback`](Self::rollback), or dropping the handle, which rolls back: the connection is
/// cleaned in the background before anyone else gets it. A statement whose future was dropped is read to its end by the
/// next use; on MySQL, where that is impossible, the transaction is lost
/// ([`Poisoned`](TransactionError::Poisoned)). A stream may be dropped between two rows on MySQL as well.
///
/// # Errors of statements
///
/// On PostgreSQL a statement that fails aborts the transaction: everything after it, `commit` included, is
/// [`Failed`](TransactionError::Failed), unless the statement ran within a savepoint that was rolled back. On MySQL and
/// SQLite the statement alone is undone and the transaction goes on, except where the server rolled everything back
/// (a deadlock, a lock wait timeout, a full disk): then it is `Failed` as well, so that nothing that follows is
/// committed on its own.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// # use sqlx::Sqlite;
/// use kysera::Db;
///
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// let tx = db.begin().await?;
/// sqlx::raw_sql("CREATE TABLE t (n INTEGER)").execute(&mut *tx.connection().await?).await?;
/// tx.commit().await?;
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
pub struct Tx<DB: Backend, C = ()> {
    inner: Arc<Inner<DB>>,
    session: Session<C>,
    scope: u64,
}

impl<DB: Backend, C: Send + Sync + 'static> Tx<DB, C> {
    /// Around a connection on which a transaction was begun.
    pub(super) fn new(lease: Lease<DB>, session: Session<C>, caller: &'static Location<'static>) -> Self {
        let inner = Inner {
            deadline: session.settings.deadline,
            turn: Turn::new(TxState::new(lease, session.settings.clone(), caller)),
            scopes: Mutex::new(vec![ROOT]),
            next_scope: AtomicU64::new(ROOT + 1),
        };
        Self { inner: Arc::new(inner), session, scope: ROOT }
    }

    pub(super) fn scope(&self) -> Scope<DB> {
        Scope { inner: self.inner.clone(), id: self.scope }
    }

    /// Runs `f` within a savepoint: what it did is kept if it answers `Ok`, and undone if it answers `Err`, which is
    /// then answered here. The transaction around it goes on either way.
    ///
    /// `f` gets a handle of its own. Until it is over, this one answers
    /// [`SavepointOpen`](TransactionError::SavepointOpen), and afterwards the other one answers
    /// [`Finished`](TransactionError::Finished). If the future is dropped, the next use of this handle undoes what was
    /// done.
    ///
    /// SQL: `SAVEPOINT`, then `RELEASE SAVEPOINT` or `ROLLBACK TO SAVEPOINT`.
    ///
    /// # Errors
    ///
    /// Those of `f`; [`Failed`](TransactionError::Failed) if `f` answers `Ok` although a statement of its own failed on
    /// PostgreSQL; any error of the two statements.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> kysera::Result<()> {
    /// # use sqlx::Sqlite;
    /// use kysera::{Db, Error};
    ///
    /// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
    /// db.transaction(|tx| async move {
    ///     sqlx::raw_sql("CREATE TABLE t (n INTEGER)").execute(&mut *tx.connection().await?).await?;
    ///     let undone = tx
    ///         .transaction(|tx| async move {
    ///             sqlx::raw_sql("INSERT INTO t VALUES (1)").execute(&mut *tx.connection().await?).await?;
    ///             Err::<(), _>(Error::other("not this one"))
    ///         })
    ///         .await;
    ///     assert!(undone.is_err());
    ///     let rows: i64 =
    ///         sqlx::query_scalar("SELECT count(*) FROM t").fetch_one(&mut *tx.connection().await?).await?;
    ///     assert_eq!(rows, 0);
    ///     Ok(())
    /// })
    /// .await
    /// # }
    /// # #[cfg(not(feature = "sqlite"))]
    /// # fn main() {}
    /// ```
    pub fn transaction<T, F, Fut>(&self, f: F) -> impl Future<Output = Result<T>> + Send
    where
        T: Send,
        F: FnOnce(Tx<DB, C>) -> Fut + Send,
        Fut: Future<Output = Result<T>> + Send,
    {
        async move {
            let scope = {
                let mut guard = self.inner.enter(self.scope).await?;
                let made = within(self.inner.deadline, pin!(guard.state.savepoint())).await;
                guard.state.ended(made)?;
                let id = self.inner.next_scope.fetch_add(1, Ordering::Relaxed);
                self.inner.scopes().push(id);
                Scope { inner: self.inner.clone(), id }
            };
            let inner = self.inner.clone();
            let tx = Tx { inner, session: self.session.clone(), scope: scope.id };
            let result = f(tx).await;
            scope.conclude(result).await
        }
    }

    /// The same transaction with its tables in another schema; see [`Db::in_schema`](super::Db::in_schema).
    ///
    /// Both handles stand for one transaction, which is over as soon as either of them commits or rolls back; it is
    /// rolled back by being dropped when the last of them is.
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`](crate::Error::BadRequest) as there.
    pub fn in_schema(&self, name: &str) -> Result<Self> {
        Ok(Self { inner: self.inner.clone(), session: self.session.in_schema(name)?, scope: self.scope })
    }

    /// Commits. The handle of a savepoint ends the savepoint alone.
    ///
    /// # Errors
    ///
    /// * [`Failed`](TransactionError::Failed): an earlier statement has spoilt the transaction; it was rolled back.
    /// * [`OutcomeUnknown`](TransactionError::OutcomeUnknown): the connection broke while the answer was awaited. The
    ///   same holds when the future of this call is dropped: do not repeat blindly what was done.
    /// * [`StreamOpen`](TransactionError::StreamOpen), [`SavepointOpen`](TransactionError::SavepointOpen): something
    ///   is still going on; it is rolled back.
    /// * What the server answers to COMMIT, such as a violation of a deferred constraint; it was rolled back.
    pub async fn commit(self) -> Result<()> {
        let scope = self.scope(); // ends it also if this future is dropped
        scope.inner.commit(scope.id).await
    }

    /// Rolls back. The handle of a savepoint undoes the savepoint alone.
    ///
    /// # Errors
    ///
    /// Failures of the connection, which is then closed: the server rolls back by itself. And as for
    /// [`commit`](Self::commit), a stream or savepoint that is still open.
    pub async fn rollback(self) -> Result<()> {
        let scope = self.scope();
        scope.inner.rollback(scope.id).await
    }

    /// The connection, for sqlx: `sqlx::query!(..).execute(&mut *tx.connection().await?)`.
    ///
    /// Whatever was done with it, the next use of the transaction first asks the server how things stand, which is one
    /// round trip. Do not end the transaction through it; statements of MySQL that commit implicitly (`CREATE TABLE`)
    /// do that too, and the handle is [`Finished`](TransactionError::Finished) then. On PostgreSQL it is lent also after
    /// a statement failed, for a `ROLLBACK TO SAVEPOINT` of your own.
    ///
    /// # Errors
    ///
    /// Those of any statement of a transaction that is over, lost or busy with a stream or savepoint.
    pub async fn connection(&self) -> Result<TxConnection<'_, DB>> {
        in_time(self.inner.deadline)?;
        let (mut state, level) = self.inner.lock(self.scope).await?;
        let restored = within(self.inner.deadline, pin!(state.restore(level))).await;
        state.ended(restored)?;
        state.lend();
        Ok(TxConnection { state })
    }
}

impl<DB: Backend, C: Send + Sync + 'static> Source for Tx<DB, C> {
    type Database = DB;
    type Context = C;
    type Guard<'a> = TxGuard<'a, DB>;

    fn acquire(&self) -> impl Future<Output = Result<Self::Guard<'_>>> + Send {
        self.inner.enter(self.scope)
    }

    fn context(&self) -> &C {
        &self.session.context
    }

    fn settings(&self) -> &Settings {
        &self.session.settings
    }
}

impl<DB: Backend, C: Send + Sync + 'static> Writable for Tx<DB, C> {}
impl<DB: Backend, C: Send + Sync + 'static> InTransaction for Tx<DB, C> {}

impl<DB: Backend, C> std::fmt::Debug for Tx<DB, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tx").field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// A turn on the connection of a [`Tx`].
pub struct TxGuard<'a, DB: Backend> {
    state: TurnGuard<'a, TxState<DB>>,
    /// The operation's own savepoint was rolled back, or released.
    undone: bool,
}

impl<DB: Backend> Deref for TxGuard<'_, DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        &self.state.lease
    }
}

impl<DB: Backend> DerefMut for TxGuard<'_, DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        &mut self.state.lease
    }
}

impl<DB: Backend> SourceGuard<DB> for TxGuard<'_, DB> {
    fn open_unit(&mut self, unit: Unit) -> Bracket {
        match unit {
            Unit::Statement | Unit::Transaction => Bracket::None,
            Unit::Atomic => {
                self.state.depth += 1;
                Bracket::Savepoint(self.state.depth)
            }
        }
    }

    fn close_unit(&mut self) {
        self.state.close_unit();
        self.undone = true;
    }

    fn settle(&mut self, end: Result<(), &Error>) {
        let undone = self.undone;
        self.state.note(verdict::<DB>(end), undone);
    }

    fn give_up(&mut self) {
        self.state.give_up();
    }

    fn hold_for_stream(&mut self) {
        self.state.stream();
    }

    fn leave_rows(&mut self) {
        self.state.lease.leave_rows();
    }
}

/// The connection of a [`Tx`], lent to user code; see [`Tx::connection`].
pub struct TxConnection<'a, DB: Backend> {
    state: TurnGuard<'a, TxState<DB>>,
}

impl<DB: Backend> Deref for TxConnection<'_, DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        &self.state.lease
    }
}

impl<DB: Backend> DerefMut for TxConnection<'_, DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        &mut self.state.lease
    }
}

impl<DB: Backend> Drop for TxConnection<'_, DB> {
    fn drop(&mut self) {
        self.state.lease.returned();
    }
}
