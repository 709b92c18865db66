//! One migration, up or down, with its row in the table.

use std::time::{Duration, Instant};

use super::books::Applied;
use super::hooks::{Progress, Step};
use super::plan::row;
use super::rust::MigrationTx;
use super::script;
use super::session::Session;
use super::set::{Body, Entry, place};
use crate::backend::{Backend, Standing};
use crate::error::{Direction, Error, FailedMigration, FailedStatement, MigrationError, Result};
use crate::expr::dynamic;
use crate::source::on;

/// What failed, and in which statement.
pub(super) struct Failure {
    pub(super) statement: Option<FailedStatement>,
    pub(super) source: Error,
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure { statement: None, source: error.into() }
    }
}

impl Failure {
    pub(super) fn of<DB: Backend>(self, entry: &Entry<DB>, direction: Direction, dirty: bool) -> Error {
        let (version, description) = (entry.version, entry.description.clone());
        let Failure { statement, source } = self;
        // What it says of itself needs no frame.
        if matches!(source, Error::Migration(_)) {
            return source;
        }
        let failed = FailedMigration { version, description, direction, statement, dirty, source };
        MigrationError::Failed(Box::new(failed)).into()
    }
}

impl<DB: Backend> Session<'_, DB> {
    /// Runs a migration. [`enter`](Session::enter) has begun a transaction, which is over afterwards.
    pub(super) async fn run(&mut self, entry: &Entry<DB>, direction: Direction) -> Result<Duration> {
        let step = Step {
            version: entry.version,
            description: entry.description.clone(),
            direction,
            meta: entry.meta.clone(),
        };
        let hook = |done, source| {
            let source = Box::new(source);
            MigrationError::Hook {
                version: step.version,
                description: step.description.clone(),
                done,
                source,
            }
        };
        for watcher in &self.watchers.hooks {
            watcher.before(&step).await.map_err(|error| hook(false, error))?;
        }
        self.watchers.tell(&Progress::Began(step.clone()));
        let began = Instant::now();
        let end = if DB::UNDOES_DDL && entry.is_in_transaction(direction == Direction::Up) {
            self.within(entry, direction, began).await
        } else {
            self.outside(entry, direction, began).await
        };
        let took = began.elapsed();
        let (version, millis) = (entry.version, u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        if let Err(error) = end {
            tracing::error!(target: "kysera::migrate", version, direction = %direction, millis, error = %error, "migration failed");
            for watcher in &self.watchers.hooks {
                watcher.failed(&step, took, &error).await;
            }
            return Err(error);
        }
        let description = &*step.description;
        tracing::info!(target: "kysera::migrate", version, description, direction = %direction, millis, "migrated");
        self.watchers.tell(&Progress::Ended { step: step.clone(), took });
        for watcher in &self.watchers.hooks {
            watcher.after(&step, took).await.map_err(|error| hook(true, error))?;
        }
        Ok(took)
    }

    /// The migration and its row are one transaction.
    async fn within(&mut self, entry: &Entry<DB>, direction: Direction, began: Instant) -> Result<()> {
        let escaped = || {
            let (version, description) = (entry.version, entry.description.clone());
            Error::from(MigrationError::Escaped { version, description, direction })
        };
        let mark = DB::mark(&mut self.conn).await?;
        if let Err(failure) = self.body(entry, direction).await {
            // Code may end the transaction and fail afterwards.
            let gone = matches!(entry.body, Body::Rust(_))
                && matches!(DB::probe(&mut self.conn).await, Ok(Standing::Gone));
            return Err(if gone { escaped() } else { failure.of(entry, direction, false) });
        }
        if !DB::is_marked(&mut self.conn, &mark).await? {
            return Err(escaped());
        }
        let end: Result<(), Failure> = async {
            self.restore_settings().await?;
            self.write_down(entry, direction, began).await?;
            Ok(self.commit().await?)
        }
        .await;
        end.map_err(|failure| failure.of(entry, direction, false))
    }

    /// The row says that the migration has begun before anything of it is sent.
    async fn outside(&mut self, entry: &Entry<DB>, direction: Direction, began: Instant) -> Result<()> {
        // What MySQL can undo it undoes, the row with it; what it cannot, it commits, and the row before that.
        let atomic = entry.is_in_transaction(direction == Direction::Up);
        match direction {
            Direction::Up => self.books.claim::<DB>(&mut self.conn, entry.entered()).await?,
            Direction::Down => self.books.undo::<DB>(&mut self.conn, entry.version).await?,
        }
        if !atomic {
            self.commit().await?;
            self.lend_lock().await?;
        }
        if let Err(failure) = self.sent(entry, direction, began, atomic).await {
            let dirty = !atomic || self.is_dirty(entry.version).await;
            return Err(failure.of(entry, direction, dirty));
        }
        if !atomic {
            self.retake_lock().await?;
        }
        Ok(())
    }

    async fn sent(
        &mut self,
        entry: &Entry<DB>,
        direction: Direction,
        began: Instant,
        atomic: bool,
    ) -> Result<(), Failure> {
        self.body(entry, direction).await?;
        if !atomic {
            if DB::probe(&mut self.conn).await? != Standing::Gone {
                let what = "it has left a transaction open: end it with COMMIT";
                return Err(Error::BadRequest(what.into()).into());
            }
            self.restore_settings().await?;
            self.begin().await?;
        } else {
            self.restore_settings().await?;
        }
        let applied = self.books.read::<DB>(&mut self.conn).await?.unwrap_or_default();
        if !is_begun(&applied, entry.version) {
            let (version, description) = (entry.version, entry.description.clone());
            return Err(Error::from(MigrationError::Escaped { version, description, direction }).into());
        }
        match direction {
            Direction::Up => {
                let nanos = nanos(began.elapsed());
                self.books.done::<DB>(&mut self.conn, entry.version, nanos).await?;
            }
            Direction::Down => self.books.delete::<DB>(&mut self.conn, entry.version).await?,
        }
        Ok(self.commit().await?)
    }

    /// Whether what failed may have left something. Nobody knows if the connection is gone.
    async fn is_dirty(&mut self, version: i64) -> bool {
        let row_of = async {
            self.recover().await?;
            let applied: Vec<Applied> = self.books.read::<DB>(&mut self.conn).await?.unwrap_or_default();
            Ok::<_, Error>(is_begun(&applied, version))
        };
        row_of.await.unwrap_or(true)
    }

    async fn write_down(&mut self, entry: &Entry<DB>, direction: Direction, began: Instant) -> Result<()> {
        match direction {
            Direction::Up => {
                self.books.insert::<DB>(&mut self.conn, entry.entered(), nanos(began.elapsed())).await
            }
            Direction::Down => self.books.delete::<DB>(&mut self.conn, entry.version).await,
        }
    }

    pub(super) async fn body(&mut self, entry: &Entry<DB>, direction: Direction) -> Result<(), Failure> {
        if let Body::Rust(migration) = &entry.body {
            let tx = MigrationTx::new(on::<DB>(&mut self.conn).behind(self.pooler));
            match direction {
                Direction::Up => migration.up(&tx).await?,
                Direction::Down => migration.down(&tx).await?,
            }
            return Ok(());
        }
        let Some(script) = entry.script(direction == Direction::Up) else { return Ok(()) };
        let statements = script::split(DB::DIALECT, script.sql.as_str());
        let of = statements.len();
        for (at, statement) in statements.iter().enumerate() {
            self.watchers.tell(&Progress::Statement { version: entry.version, number: at + 1, of });
            if let Err(error) = DB::raw(&mut self.conn, dynamic(statement.text)).await {
                let statement = Some(place(DB::DIALECT, statement, at, of));
                return Err(Failure { statement, source: error.into() });
            }
        }
        Ok(())
    }
}

fn is_begun(applied: &[Applied], version: i64) -> bool {
    row(applied, version).is_some_and(|row| !row.success)
}

pub(super) fn nanos(took: Duration) -> i64 {
    i64::try_from(took.as_nanos()).unwrap_or(i64::MAX)
}
