use std::ops::{Deref, DerefMut};
use std::pin::pin;

use sqlx::Connection;

use super::deadline::{Deadline, in_time, within};
use super::lease::Lease;
use super::session::{Session, Settings};
use super::turn::{Turn, TurnGuard};
use super::verdict::verdict;
use super::{Bracket, Source, SourceGuard, Unit, Writable};
use crate::backend::Backend;
use crate::error::{DeadlineStage, Error, Result, TransactionError};

/// One connection of a [`Db`](super::Db), kept for several statements.
///
/// For what belongs to a session: settings, temporary tables, advisory locks, LISTEN. All methods take `&self`;
/// statements that are started together take turns. What the session was told survives when the connection goes back to
/// the pool, for whoever gets it next: undo it, or [`detach`](Self::detach) the connection.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// # use sqlx::Sqlite;
/// use kysera::Db;
///
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// let conn = db.acquire().await?;
/// sqlx::raw_sql("CREATE TEMP TABLE t (n INTEGER)").execute(&mut *conn.connection().await?).await?;
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
pub struct Conn<DB: Backend, C = ()> {
    turn: Turn<State<DB>>,
    session: Session<C>,
}

struct State<DB: Backend> {
    lease: Lease<DB>,
    /// kysera began a transaction for an operation, and has not seen its end.
    unit: bool,
    /// The same, within a transaction that user code began.
    savepoints: u32,
    /// User code had the connection, and nobody has looked at it since.
    raw: bool,
    /// User code has had the connection.
    touched: bool,
}

/// Savepoints within transactions of others are numbered from here, so that they cannot meet those of a
/// [`Tx`](super::Tx).
pub(super) const FOREIGN: u32 = 1_000_000;

impl<DB: Backend, C: Send + Sync + 'static> Conn<DB, C> {
    pub(super) fn new(lease: Lease<DB>, session: Session<C>) -> Self {
        let state = State { lease, unit: false, savepoints: 0, raw: false, touched: false };
        Self { turn: Turn::new(state), session }
    }

    /// The connection, for sqlx: `sqlx::query!(..).execute(&mut *conn.connection().await?)`.
    ///
    /// Whatever was done with it, it is rolled back and checked before anyone else gets the connection. A transaction
    /// opened through sqlx's `begin` is noticed by later operations of kysera, which then run within it; one opened by
    /// SQL text is not.
    ///
    /// # Errors
    ///
    /// Those of any statement: an open stream, a connection that broke or that was cut in mid-statement on MySQL.
    pub async fn connection(&self) -> Result<RawConnection<'_, DB>> {
        let mut state = self.take().await?;
        state.raw = true;
        state.touched = true;
        state.lease.mark_begun();
        Ok(RawConnection { state })
    }

    /// Waits for its turn, and for the connection to be in step.
    async fn take(&self) -> Result<TurnGuard<'_, State<DB>>> {
        let deadline = self.session.settings.deadline;
        in_time(deadline)?;
        let late = |deadline: Deadline| Err(deadline.error(DeadlineStage::Before));
        let mut state = within(deadline, pin!(self.turn.take())).await.unwrap_or_else(late)?;
        state.restore_within(deadline).await?;
        Ok(state)
    }

    /// Takes the connection out of the pool, which may open another one in its place.
    ///
    /// # Errors
    ///
    /// As for [`connection`](Self::connection); the connection is then closed.
    pub async fn detach(self) -> Result<DB::Connection> {
        let deadline = self.session.settings.deadline;
        in_time(deadline)?;
        let mut state = self.turn.into_inner();
        state.restore_within(deadline).await?;
        state.lease.detach().ok_or_else(|| Error::Transaction(TransactionError::Finished))
    }
}

impl<DB: Backend> State<DB> {
    async fn restore_within(&mut self, deadline: Option<Deadline>) -> Result<()> {
        let restored = within(deadline, pin!(self.restore())).await;
        restored.unwrap_or_else(|deadline| {
            self.lease.end();
            Err(deadline.error(DeadlineStage::Running))
        })
    }

    /// Brings the connection into step after something was cut or user code had it.
    async fn restore(&mut self) -> Result<()> {
        if self.lease.has_ended() {
            return Err(Error::Transaction(TransactionError::Finished));
        }
        let cut = self.lease.is_in_flight();
        if self.lease.is_cut() {
            return Err(Error::Transaction(TransactionError::Poisoned));
        }
        if self.lease.is_broken() {
            return Err(sqlx::Error::Io(std::io::ErrorKind::NotConnected.into()).into());
        }
        if self.unit || self.savepoints > 0 {
            // Together with a transaction of user code's, whose operation was cut: half of it must not be committed.
            self.lease.recover().await?;
            self.unit = false;
            self.savepoints = 0;
            if self.touched {
                self.lease.mark_begun();
            }
        } else if (cut || self.raw)
            && let Err(error) = self.lease.resync().await
        {
            self.lease.condemn();
            return Err(error);
        }
        self.raw = false;
        Ok(())
    }
}

impl<DB: Backend, C: Send + Sync + 'static> Source for Conn<DB, C> {
    type Database = DB;
    type Context = C;
    type Guard<'a> = ConnGuard<'a, DB>;

    async fn acquire(&self) -> Result<Self::Guard<'_>> {
        Ok(ConnGuard { state: self.take().await? })
    }

    fn context(&self) -> &C {
        &self.session.context
    }

    fn settings(&self) -> &Settings {
        &self.session.settings
    }
}

impl<DB: Backend, C: Send + Sync + 'static> Writable for Conn<DB, C> {}

impl<DB: Backend, C> std::fmt::Debug for Conn<DB, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conn").finish_non_exhaustive()
    }
}

/// A turn on the connection of a [`Conn`].
pub struct ConnGuard<'a, DB: Backend> {
    state: TurnGuard<'a, State<DB>>,
}

impl<DB: Backend> Deref for ConnGuard<'_, DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        &self.state.lease
    }
}

impl<DB: Backend> DerefMut for ConnGuard<'_, DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        &mut self.state.lease
    }
}

impl<DB: Backend> SourceGuard<DB> for ConnGuard<'_, DB> {
    fn open_unit(&mut self, unit: Unit) -> Bracket {
        match (unit, self.is_in_transaction()) {
            (Unit::Statement, _) | (Unit::Transaction, true) => Bracket::None,
            (Unit::Atomic, true) => {
                self.state.savepoints += 1;
                Bracket::Savepoint(FOREIGN + self.state.savepoints)
            }
            (Unit::Transaction | Unit::Atomic, false) => {
                self.state.unit = true;
                self.state.lease.mark_begun();
                Bracket::Transaction
            }
        }
    }

    fn close_unit(&mut self) {
        if self.state.savepoints > 0 {
            self.state.savepoints -= 1;
        } else {
            self.state.unit = false;
            if !self.state.touched {
                self.state.lease.mark_ended();
            }
        }
    }

    fn settle(&mut self, end: Result<(), &Error>) {
        self.state.lease.note(verdict::<DB>(end));
    }

    fn give_up(&mut self) {
        self.state.lease.end();
    }

    fn hold_for_stream(&mut self) {
        self.state.stream();
    }

    fn leave_rows(&mut self) {
        self.state.lease.leave_rows();
    }
}

/// The connection of a [`Conn`], lent to user code; see [`Conn::connection`].
pub struct RawConnection<'a, DB: Backend> {
    state: TurnGuard<'a, State<DB>>,
}

impl<DB: Backend> RawConnection<'_, DB> {
    /// The deadline passed while a statement was in flight.
    pub(super) fn give_up(&mut self) {
        self.state.lease.end();
    }
}

impl<DB: Backend> Deref for RawConnection<'_, DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        &self.state.lease
    }
}

impl<DB: Backend> DerefMut for RawConnection<'_, DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        &mut self.state.lease
    }
}

impl<DB: Backend> Drop for RawConnection<'_, DB> {
    fn drop(&mut self) {
        self.state.lease.returned();
    }
}
