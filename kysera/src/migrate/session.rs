//! A run of migrations: its connections, its locks, its transactions.

use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use sqlx::{Connection, SqlStr};
use tokio::time::{sleep, timeout};

use super::alive::{self, Alive};
use super::books::{Applied, Books};
use super::hooks::{Progress, Watchers};
use crate::backend::{Backend, PgBouncer, TxOptions};
use crate::error::{Error, MigrationError, Result};
use crate::expr::dynamic;
use crate::infra::random;
use crate::source::{Db, Lease, Source, SourceGuard, Unit};

/// A connection that is not used by anyone else.
///
/// It leaves the pool for good: what migrations do to a session (`SET`, `USE`, `PRAGMA`) is not for requests. A database in
/// memory would be gone with its connection, so that one is lent, and rolled back and checked before anyone else gets it.
pub(super) enum Held<DB: Backend> {
    Own(DB::Connection),
    Lent(Lease<DB>),
}

impl<DB: Backend> Held<DB> {
    async fn take<C: Send + Sync + 'static>(db: &Db<DB, C>) -> Result<Self> {
        if DB::in_memory(&db.pool().connect_options()) {
            let mut lease = Source::acquire(db).await?;
            lease.open_unit(Unit::Atomic); // whatever is open on it when it is dropped is rolled back
            return Ok(Held::Lent(lease));
        }
        Ok(Held::Own(db.acquire().await?.detach().await?))
    }
}

impl<DB: Backend> Deref for Held<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        match self {
            Held::Own(conn) => conn,
            Held::Lent(lease) => lease,
        }
    }
}

impl<DB: Backend> DerefMut for Held<DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        match self {
            Held::Own(conn) => conn,
            Held::Lent(lease) => lease,
        }
    }
}

/// Everything that one run needs. When it is dropped, its connections are closed, and with them go locks and transactions.
pub(super) struct Session<'m, DB: Backend> {
    pub(super) conn: Held<DB>,
    /// The connection that holds the lock, where that is not the one on which migrations run.
    apart: Option<Held<DB>>,
    locked: bool,
    /// Brings the session back to what it was.
    settings: SqlStr,
    lock_file: Option<PathBuf>,
    alive: Option<Alive>,
    pub(super) books: &'m Books,
    pub(super) watchers: &'m Watchers,
    pub(super) pooler: Option<PgBouncer>,
    patience: Patience,
}

/// How long others are waited for.
struct Patience {
    began: Instant,
    allowed: Duration,
    /// Who was waited for when that was told last.
    told: Option<Option<String>>,
}

impl<'m, DB: Backend> Session<'m, DB> {
    pub(super) async fn open<C: Send + Sync + 'static>(
        db: &Db<DB, C>,
        books: &'m Books,
        watchers: &'m Watchers,
        lock_timeout: Duration,
    ) -> Result<Self> {
        let mut conn = Held::take(db).await?;
        let pooler = db.pooler();
        if pooler.is_none() {
            DB::prepare(&mut conn).await?;
        }
        let settings = dynamic(DB::settings(&mut conn).await?);
        let lock_file = DB::lock_file(&mut conn).await?;
        let apart = if DB::LOCKS_APART { Some(Held::take(db).await?) } else { None };
        Ok(Self {
            conn,
            apart,
            locked: false,
            settings,
            lock_file,
            alive: None,
            books,
            watchers,
            pooler,
            patience: Patience { began: Instant::now(), allowed: lock_timeout, told: None },
        })
    }

    fn locking(&mut self) -> &mut DB::Connection {
        self.apart.as_mut().unwrap_or(&mut self.conn)
    }

    /// Waits for those who run migrations elsewhere.
    pub(super) async fn lock(&mut self) -> Result<()> {
        let books = self.books;
        self.patience.restart();
        while !DB::try_lock(self.locking(), books.table()).await? {
            let holder = DB::lock_holder(self.locking(), books.table()).await?;
            self.pause(holder).await?;
        }
        self.locked = true;
        Ok(())
    }

    /// Lets sqlx's runner come to the table, where it finds a migration that has begun and turns away. While it waited for the
    /// lock, what runs outside of a transaction would wait for it.
    pub(super) async fn lend_lock(&mut self) -> Result<()> {
        Ok(DB::lend_lock(self.locking()).await?)
    }

    pub(super) async fn retake_lock(&mut self) -> Result<()> {
        let books = self.books;
        self.patience.restart();
        while !DB::try_retake_lock(self.locking()).await? {
            let holder = DB::lock_holder(self.locking(), books.table()).await?;
            self.pause(holder).await?;
        }
        Ok(())
    }

    async fn pause(&mut self, holder: Option<String>) -> Result<()> {
        let waited = self.patience.began.elapsed();
        let left = self.patience.allowed.saturating_sub(waited);
        if left.is_zero() {
            return Err(MigrationError::Locked { waited, holder }.into());
        }
        if self.patience.told.as_ref() != Some(&holder) {
            tracing::info!(target: "kysera::migrate", holder = holder.as_deref(), "waiting for another runner");
            self.watchers.tell(&Progress::Waiting { holder: holder.clone() });
            self.patience.told = Some(holder);
        }
        // Those who wait together do not come back together.
        sleep(LONGEST_PAUSE.mul_f64(0.2 + 0.8 * random()).min(left)).await;
        Ok(())
    }

    /// Makes the table if it is not there. What is there needs no right to make tables.
    pub(super) async fn ensure_table(&mut self) -> Result<()> {
        if self.books.read::<DB>(&mut self.conn).await?.is_some() {
            return Ok(());
        }
        self.begin().await?;
        self.books.create::<DB>(&mut self.conn).await?;
        self.commit().await
    }

    pub(super) async fn begin(&mut self) -> Result<()> {
        self.patience.restart();
        self.begin_while_patient().await
    }

    async fn begin_while_patient(&mut self) -> Result<()> {
        if let Some(sql) = DB::IMPATIENT {
            DB::raw(&mut self.conn, dynamic(sql)).await?;
        }
        self.wait_to_begin().await?;
        if DB::IMPATIENT.is_some() { self.restore_settings().await } else { Ok(()) }
    }

    async fn wait_to_begin(&mut self) -> Result<()> {
        loop {
            match DB::begin(&mut self.conn, TxOptions::default()).await {
                Ok(()) => return Ok(()),
                Err(sqlx::Error::Database(error)) if DB::is_busy(&*error) => {
                    self.pause(Some("another connection writes to the database".into())).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    pub(super) async fn commit(&mut self) -> Result<()> {
        match DB::commit(&mut self.conn).await {
            Err(sqlx::Error::Io(error)) => {
                let driver = crate::error::Driver(sqlx::Error::Io(error));
                Err(Error::Transaction(crate::error::TransactionError::OutcomeUnknown { driver }))
            }
            other => Ok(other?),
        }
    }

    pub(super) async fn rollback(&mut self) -> Result<()> {
        Ok(DB::rollback(&mut self.conn).await?)
    }

    /// Ends whatever is open.
    pub(super) async fn recover(&mut self) -> Result<()> {
        Ok(DB::recover(&mut self.conn, true).await?)
    }

    /// Undoes what a migration told its session.
    pub(super) async fn restore_settings(&mut self) -> Result<()> {
        Ok(DB::raw(&mut self.conn, self.settings.clone()).await?)
    }

    /// Begins a transaction in which what is applied stays as it is, and reads it.
    pub(super) async fn enter(&mut self) -> Result<Vec<Applied>> {
        self.patience.restart();
        loop {
            self.begin_while_patient().await?;
            let applied = self.books.read::<DB>(&mut self.conn).await?.unwrap_or_default();
            // Who runs it cannot finish while this transaction is open, so it is either alive now or dead.
            let begun = applied.iter().any(|row| !row.success);
            if !begun || self.alive.is_some() || !self.somebody_is_alive()? {
                return Ok(applied);
            }
            self.rollback().await?;
            self.pause(Some("a migration runs outside of a transaction".into())).await?;
        }
    }

    fn somebody_is_alive(&self) -> Result<bool> {
        match &self.lock_file {
            Some(path) => alive::is_taken(path).map_err(|error| unlocked(path, &error)),
            None => Ok(false),
        }
    }

    /// Whether a migration outside of a transaction has to wait for [`show_alive`](Self::show_alive).
    pub(super) fn is_unseen(&self) -> bool {
        self.lock_file.is_some() && self.alive.is_none()
    }

    /// Lets others see that this program is alive, until [`hide`](Self::hide). Not within a transaction.
    pub(super) async fn show_alive(&mut self) -> Result<()> {
        let Some(path) = self.lock_file.clone() else { return Ok(()) };
        self.patience.restart();
        loop {
            self.alive = Alive::take(path.clone()).map_err(|error| unlocked(&path, &error))?;
            if self.alive.is_some() {
                return Ok(());
            }
            self.pause(Some("a migration runs outside of a transaction".into())).await?;
        }
    }

    pub(super) fn hide(&mut self) {
        self.alive = None;
    }

    /// Gives everything back. What cannot be given back in good order is closed.
    pub(super) async fn close(mut self, clean: bool) {
        let _ = timeout(CLOSING, async {
            if !clean {
                self.recover().await?;
            }
            if self.locked {
                DB::unlock(self.locking()).await?;
            }
            if let Some(Held::Own(conn)) = self.apart.take() {
                conn.close().await?;
            }
            if matches!(self.conn, Held::Lent(_)) {
                self.restore_settings().await?;
            }
            match self.conn {
                Held::Own(conn) => conn.close().await?,
                Held::Lent(mut lease) => {
                    lease.close_unit();
                    lease.settle(Ok(()));
                }
            }
            Ok::<(), Error>(())
        })
        .await;
    }
}

/// Between two looks at a lock.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// How long the server may take to say goodbye.
const CLOSING: Duration = Duration::from_secs(2);

impl Patience {
    fn restart(&mut self) {
        self.began = Instant::now();
        self.told = None;
    }
}

fn unlocked(path: &std::path::Path, error: &std::io::Error) -> Error {
    // Without its folder, which tells of the machine.
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let what = format!("the file `{name}` beside the database cannot be locked: {error}");
    MigrationError::Source { what }.into()
}
