use std::borrow::Cow;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use sqlx::Connection;

use super::System;
use super::conn::FOREIGN;
use super::session::Settings;
use super::turn::{Turn, TurnGuard};
use super::verdict::{Verdict, verdict};
use super::{Bracket, Source, SourceGuard, Unit, Writable};
use crate::backend::{Aftermath, Backend, PgBouncer, Standing};
use crate::error::{Error, Result, TransactionError};
use crate::expr::dynamic;
use crate::observe::{Observer, Observers};

/// A connection or transaction of sqlx, borrowed for a while; made by [`on`]. `C` is who asks, `()` unless
/// [`with_context`](Self::with_context) says otherwise.
pub struct Borrowed<'c, DB: Backend, C = ()> {
    turn: Turn<State<'c, DB>>,
    context: C,
    settings: Settings,
}

struct State<'c, DB: Backend> {
    conn: &'c mut DB::Connection,
    flight: bool,
    /// What is in flight are whole rows, which the driver reads past by itself.
    rows_left: bool,
    broken: bool,
    /// Only the server knows whether the caller's transaction is still there.
    doubt: bool,
    /// The server rolled the caller's transaction back. What follows would be committed on its own.
    gone: bool,
    /// kysera began a transaction for an operation, and has not seen its end.
    unit: bool,
    /// The same, within a transaction of the caller's.
    savepoints: u32,
}

/// Runs kysera's operations on a connection of sqlx's: `kysera::on(&mut conn)`, or `kysera::on(&mut tx)` within a
/// transaction.
///
/// Operations of several statements open a transaction of their own, or a savepoint if sqlx's `begin` was called on the
/// connection before.
///
/// What was cut is brought in order by the next operation through the same value. After it is gone, the connection is
/// sqlx's again, with what a dropped future leaves in it there: roll back or close it.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// use kysera::Source;
/// use sqlx::{Connection, SqliteConnection};
///
/// let mut conn = SqliteConnection::connect("sqlite::memory:").await?;
/// let mut tx = conn.begin().await?;
/// {
///     let source = kysera::on::<sqlx::Sqlite>(&mut tx);
///     assert_eq!(source.context(), &()); // repositories are built on it: `User::repo(&source)`
/// }
/// tx.commit().await?;
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
pub fn on<DB: Backend>(conn: &mut DB::Connection) -> Borrowed<'_, DB> {
    let turn = Turn::new(State {
        conn,
        flight: false,
        rows_left: false,
        broken: false,
        doubt: false,
        gone: false,
        unit: false,
        savepoints: 0,
    });
    Borrowed { turn, context: (), settings: Settings::default() }
}

impl<'c, DB: Backend, C> Borrowed<'c, DB, C> {
    /// The same connection on behalf of someone, for entities that ask for a context.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] mod doc {
    /// # use kysera::prelude::*;
    /// struct Principal {
    ///     user: i64,
    /// }
    ///
    /// #[derive(Repository)]
    /// #[kysera(table = "notes", context = Principal)]
    /// struct Note {
    ///     #[kysera(id)]
    ///     id: i64,
    /// }
    ///
    /// async fn count(tx: &mut sqlx::Transaction<'_, Sqlite>, user: i64) -> kysera::Result<u64> {
    ///     let source = kysera::on::<Sqlite>(&mut *tx).with_context(Principal { user });
    ///     Note::repo(&source).count().await
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn with_context<D: Send + Sync + 'static>(self, context: D) -> Borrowed<'c, DB, D> {
        Borrowed { turn: self.turn, context, settings: self.settings }
    }

    /// The same connection, with someone who is told of its statements; see [`Db::observed_by`](crate::Db::observed_by).
    #[must_use]
    pub fn observed_by(mut self, observer: Arc<dyn Observer>) -> Self {
        self.settings.observers = self.settings.observers.and(observer);
        self
    }

    pub(crate) fn behind(mut self, pooler: Option<PgBouncer>) -> Self {
        self.settings.pooler = pooler;
        self
    }

    pub(crate) fn with_observers(mut self, observers: Observers) -> Self {
        self.settings.observers = observers;
        self
    }

    /// The same connection with nobody's rights but the system's; see [`Db::unrestricted`](crate::Db::unrestricted).
    #[must_use]
    pub fn unrestricted(self, reason: impl Into<Cow<'static, str>>) -> Borrowed<'c, DB, System> {
        self.with_context(System::because(reason.into()))
    }
}

#[cfg(feature = "postgres")]
impl<'c, C> Borrowed<'c, sqlx::Postgres, C> {
    /// The connection is one to a [PgBouncer](PgBouncer) of this kind. A [`Db`](crate::Db) is told so once, where it is
    /// [built](crate::source::DbBuilder::pgbouncer).
    #[must_use]
    pub fn pgbouncer(self, mode: PgBouncer) -> Self {
        self.behind(Some(mode))
    }
}

impl<DB: Backend> State<'_, DB> {
    async fn restore(&mut self) -> Result<()> {
        if self.broken {
            return Err(sqlx::Error::Io(std::io::ErrorKind::NotConnected.into()).into());
        }
        if self.flight && !self.rows_left && !DB::DRAINS {
            return Err(Error::Transaction(TransactionError::Poisoned));
        }
        if self.gone && self.conn.is_in_transaction() {
            return Err(Error::Transaction(TransactionError::Failed));
        }
        let result = self.clean_up().await.map_err(Error::from);
        // What cannot be undone might be committed by what follows.
        self.broken = result.is_err();
        self.flight &= result.is_err();
        result?;
        if self.gone { Err(Error::Transaction(TransactionError::Failed)) } else { Ok(()) }
    }

    async fn clean_up(&mut self) -> Result<(), sqlx::Error> {
        if self.unit {
            self.flight = true;
            DB::recover(&mut *self.conn, true).await?;
            self.unit = false;
        } else if self.flight || self.savepoints > 0 {
            self.flight = true;
            DB::resync(&mut *self.conn).await?;
        }
        if self.doubt && self.conn.is_in_transaction() {
            self.flight = true;
            self.gone = DB::probe(&mut *self.conn).await? == Standing::Gone;
        }
        self.doubt = false;
        if self.gone {
            return Ok(());
        }
        if self.savepoints > 0 {
            let n = FOREIGN + 1;
            self.savepoints = 0; // counted before it is sent
            let sql = format!("ROLLBACK TO SAVEPOINT kysera_{n}; RELEASE SAVEPOINT kysera_{n}");
            DB::raw(&mut *self.conn, dynamic(sql)).await?;
        }
        Ok(())
    }
}

impl<'c, DB: Backend, C: Send + Sync + 'static> Source for Borrowed<'c, DB, C> {
    type Database = DB;
    type Context = C;
    type Guard<'a>
        = BorrowedGuard<'a, 'c, DB>
    where
        Self: 'a;

    async fn acquire(&self) -> Result<Self::Guard<'_>> {
        let mut state = self.turn.take().await?;
        state.restore().await?;
        Ok(BorrowedGuard(state))
    }

    fn context(&self) -> &C {
        &self.context
    }

    fn settings(&self) -> &Settings {
        &self.settings
    }
}

impl<DB: Backend, C: Send + Sync + 'static> Writable for Borrowed<'_, DB, C> {}

impl<DB: Backend, C> std::fmt::Debug for Borrowed<'_, DB, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Borrowed").finish_non_exhaustive()
    }
}

/// A turn on a borrowed connection.
pub struct BorrowedGuard<'a, 'c, DB: Backend>(TurnGuard<'a, State<'c, DB>>);

impl<DB: Backend> Deref for BorrowedGuard<'_, '_, DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        self.0.conn
    }
}

impl<DB: Backend> DerefMut for BorrowedGuard<'_, '_, DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        self.0.flight = true;
        self.0.rows_left = false;
        self.0.conn
    }
}

impl<DB: Backend> SourceGuard<DB> for BorrowedGuard<'_, '_, DB> {
    fn open_unit(&mut self, unit: Unit) -> Bracket {
        match (unit, self.is_in_transaction()) {
            (Unit::Statement, _) | (Unit::Transaction, true) => Bracket::None,
            (Unit::Atomic, true) => {
                self.0.savepoints += 1;
                Bracket::Savepoint(FOREIGN + self.0.savepoints)
            }
            (Unit::Transaction | Unit::Atomic, false) => {
                self.0.unit = true;
                Bracket::Transaction
            }
        }
    }

    fn close_unit(&mut self) {
        if self.0.savepoints > 0 {
            self.0.savepoints -= 1;
        } else {
            self.0.unit = false;
        }
    }

    fn settle(&mut self, end: Result<(), &Error>) {
        match verdict::<DB>(end) {
            Verdict::Clean => self.0.flight = false,
            Verdict::Refused(aftermath) => {
                self.0.flight = false;
                self.0.doubt |= aftermath == Aftermath::Unknown;
                self.0.gone |= aftermath == Aftermath::Gone && self.is_in_transaction();
            }
            Verdict::Unread => {}
            Verdict::Broken => self.0.broken = true,
        }
    }

    fn hold_for_stream(&mut self) {
        self.0.stream();
    }

    fn leave_rows(&mut self) {
        self.0.rows_left = true;
    }
}
