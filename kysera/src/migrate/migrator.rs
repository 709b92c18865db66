use std::fmt;
use std::path::PathBuf;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;

use super::books::Books;
use super::dry;
use super::hooks::{Hook, Progress, Watchers};
use super::plan::{self, Depth, Rules, Target, row};
use super::report::{DryRun, MigrationState, MigrationStatus, Report, Status};
use super::rust::Migration;
use super::session::Session;
use super::set::Set;
use crate::backend::Backend;
use crate::error::{DeadlineStage, Error, MigrationError, Result};
use crate::source::{Db, Source, SourceGuard, within};

/// Applies and undoes migrations; see the [module](super).
///
/// Every method that writes waits for other runners, kysera's and sqlx's, for [`lock_timeout`](Self::lock_timeout) at most, makes the table
/// `_sqlx_migrations` if it is not there, and answers a [`Report`] of what it did.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// # let folder = std::env::temp_dir().join("kysera-doc-migrator");
/// # std::fs::create_dir_all(&folder).unwrap();
/// # std::fs::write(folder.join("0001_users.up.sql"), "CREATE TABLE users (id INTEGER PRIMARY KEY)").unwrap();
/// # std::fs::write(folder.join("0001_users.down.sql"), "DROP TABLE users").unwrap();
/// use kysera::migrate::Migrator;
/// use kysera::prelude::*;
///
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// let migrator = Migrator::from_dir(&folder).await?; // "migrations"
/// assert_eq!(migrator.up(&db).await?.versions(), [1]);
/// assert!(migrator.up(&db).await?.done.is_empty());
/// assert_eq!(migrator.down(&db, 1).await?.versions(), [1]);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
pub struct Migrator<DB: Backend> {
    set: Set<DB>,
    books: Books,
    rules: Rules,
    watchers: Watchers,
    lock_timeout: Duration,
    #[cfg(feature = "schema")]
    schema_file: Option<PathBuf>,
}

/// Long enough for most migrations of somebody else, and shorter than forever.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5 * 60);

const TABLE: &str = "_sqlx_migrations";

/// As many as there are.
const ALL: usize = usize::MAX;

impl<DB: Backend> Default for Migrator<DB> {
    fn default() -> Self {
        Self::new()
    }
}

impl<DB: Backend> Migrator<DB> {
    /// Without any migration.
    pub fn new() -> Self {
        Self {
            set: Set::new(),
            books: Books::new(TABLE),
            rules: Rules::default(),
            watchers: Watchers::default(),
            lock_timeout: LOCK_TIMEOUT,
            #[cfg(feature = "schema")]
            schema_file: None,
        }
    }

    /// The files of a folder, as sqlx reads them: `0001_name.sql`, or `0001_name.up.sql` and `0001_name.down.sql`.
    ///
    /// # Errors
    ///
    /// [`MigrationError`]: a folder or file that cannot be read, two migrations of the same version, a `.down.sql` alone, a
    /// [comment](super::MigrationMeta) that cannot be read.
    pub async fn from_dir(folder: impl Into<PathBuf>) -> Result<Self> {
        let folder: PathBuf = folder.into();
        let files = sqlx::migrate::Migrator::new(folder).await.map_err(unread)?;
        Self::from_sqlx(&files)
    }

    /// The files that `sqlx::migrate!()` has compiled in, or any other set of sqlx's. Its `ignore_missing`, the name of its
    /// table and the schemas that it creates are taken over.
    ///
    /// # Errors
    ///
    /// Those of [`from_dir`](Self::from_dir).
    pub fn from_sqlx(files: &sqlx::migrate::Migrator) -> Result<Self> {
        let mut migrator = Self::new();
        migrator.set.add_files(files.iter())?;
        let schemas = files.create_schemas.iter().map(|schema| schema.to_string()).collect();
        migrator.books = Books::new(&files.table_name).with_schemas(schemas);
        migrator.rules.missing = files.ignore_missing;
        Ok(migrator)
    }

    /// Adds a migration in Rust, whatever its place in the order.
    ///
    /// # Errors
    ///
    /// [`MigrationError::Duplicate`] if there is one of this version.
    pub fn with(mut self, migration: impl Migration<DB>) -> Result<Self> {
        self.set.add_rust(migration)?;
        Ok(self)
    }

    /// Adds code of your own around each migration.
    #[must_use]
    pub fn hook(mut self, hook: impl Hook) -> Self {
        self.watchers.hooks.push(Box::new(hook));
        self
    }

    /// Adds someone who is told what goes on.
    #[must_use]
    pub fn on_progress(mut self, told: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.watchers.progress.push(Box::new(told));
        self
    }

    /// How long other runners are waited for, 5 minutes by default; then [`MigrationError::Locked`] says who it is.
    #[must_use]
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    /// Applies also what is older than the newest migration that is applied, as it comes of branches that were merged late.
    #[must_use]
    pub fn allow_out_of_order(mut self) -> Self {
        self.rules.out_of_order = true;
        self
    }

    /// Lets the table have migrations that are not in the set, as it comes of several programs on one database.
    #[must_use]
    pub fn ignore_missing(mut self) -> Self {
        self.rules.missing = true;
        self
    }

    /// The name of the table, as it stands in SQL: `"audit"."_sqlx_migrations"` is in a schema. `_sqlx_migrations` by default. It is not
    /// checked, so it is not to come from outside.
    #[must_use]
    pub fn table(mut self, name: &'static str) -> Self {
        self.books = Books::new(name);
        self
    }

    /// Writes a [snapshot](crate::schema) of the tables to this file whenever migrations were applied or undone, or there was nothing
    /// to do: `kysera.schema.json` beside `Cargo.toml` is where the derive looks for it. A file that says the same already is left as it is.
    ///
    /// Meant for the machine of whoever writes migrations, who commits both.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> kysera::Result<()> {
    /// # let folder = std::env::temp_dir().join("kysera-doc-writes-schema");
    /// # std::fs::create_dir_all(&folder).unwrap();
    /// # std::fs::write(folder.join("0001_users.sql"), "CREATE TABLE users (id INTEGER PRIMARY KEY)").unwrap();
    /// # let file = folder.join("kysera.schema.json");
    /// use kysera::migrate::Migrator;
    /// use kysera::prelude::*;
    /// use kysera::schema::Schema;
    ///
    /// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
    /// Migrator::from_dir(&folder).await?.writes_schema(&file).up(&db).await?;
    /// assert!(Schema::read(&file).map_err(kysera::Error::other)?.table("users").is_some());
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "sqlite"))]
    /// # fn main() {}
    /// ```
    #[cfg(feature = "schema")]
    #[must_use]
    pub fn writes_schema(mut self, file: impl Into<PathBuf>) -> Self {
        self.schema_file = Some(file.into());
        self
    }

    /// How many migrations there are.
    pub fn len(&self) -> usize {
        self.set.len()
    }

    /// Versions and what was made of the texts.
    #[cfg(feature = "testing")]
    pub(crate) fn checksums(&self) -> impl Iterator<Item = (i64, &[u8])> {
        self.set.iter().map(|entry| (entry.version, &*entry.checksum))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Applies what is not applied, in the order of versions.
    ///
    /// # Errors
    ///
    /// [`Error::Migration`]: a set that does not fit the table, a migration that failed, a lock that was not to be had. Migrations
    /// before the one that failed stay applied.
    pub async fn up<C: Send + Sync + 'static>(&self, db: &Db<DB, C>) -> Result<Report> {
        self.carry_out(db, Job::Up(Target::All, ALL)).await
    }

    /// Applies what is not applied, up to and with this version.
    ///
    /// # Errors
    ///
    /// Those of [`up`](Self::up), and [`MigrationError::NotFound`] if the set has no such version.
    pub async fn up_to<C: Send + Sync + 'static>(&self, db: &Db<DB, C>, version: i64) -> Result<Report> {
        self.set.find(version)?;
        self.carry_out(db, Job::Up(Target::Version(version), ALL)).await
    }

    /// Applies so many at most.
    ///
    /// # Errors
    ///
    /// Those of [`up`](Self::up).
    pub async fn up_by<C: Send + Sync + 'static>(&self, db: &Db<DB, C>, steps: usize) -> Result<Report> {
        self.carry_out(db, Job::Up(Target::All, steps)).await
    }

    /// Undoes the newest so many. One that nothing says how to undo counts, and is skipped, with a line in the report.
    ///
    /// # Errors
    ///
    /// [`Error::Migration`]: one that has begun and not ended, one that is not in the set, one that failed.
    pub async fn down<C: Send + Sync + 'static>(&self, db: &Db<DB, C>, steps: usize) -> Result<Report> {
        self.carry_out(db, Job::Down(Depth::Steps(steps))).await
    }

    /// Undoes everything above this version, the newest first; 0 is everything.
    ///
    /// # Errors
    ///
    /// Those of [`down`](Self::down), and [`MigrationError::NotFound`] if the set has no such version.
    pub async fn down_to<C: Send + Sync + 'static>(&self, db: &Db<DB, C>, version: i64) -> Result<Report> {
        if version != 0 {
            self.set.find(version)?;
        }
        self.carry_out(db, Job::Down(Depth::Above(version))).await
    }

    /// Undoes everything.
    ///
    /// # Errors
    ///
    /// Those of [`down`](Self::down).
    pub async fn reset<C: Send + Sync + 'static>(&self, db: &Db<DB, C>) -> Result<Report> {
        self.carry_out(db, Job::Down(Depth::Above(i64::MIN))).await
    }

    /// Undoes the newest migration and applies it again: how one works on a migration that nobody else has yet. Also after its file was
    /// changed.
    ///
    /// # Errors
    ///
    /// Those of [`down`](Self::down) and [`up`](Self::up).
    pub async fn redo<C: Send + Sync + 'static>(&self, db: &Db<DB, C>) -> Result<Report> {
        self.carry_out(db, Job::Redo).await
    }

    /// Says that a migration is applied, without running it: because its changes are there already, or because they were finished by
    /// hand after it had failed. Takes the file as it is now for the one that was applied.
    ///
    /// # Errors
    ///
    /// [`MigrationError::NotFound`] if the set has no such version; those of the database.
    pub async fn mark_applied<C: Send + Sync + 'static>(&self, db: &Db<DB, C>, version: i64) -> Result<()> {
        self.set.find(version)?;
        self.carry_out(db, Job::MarkApplied(version)).await.map(drop)
    }

    /// Says that a migration is not applied, without running anything: because what it did was undone by hand.
    ///
    /// # Errors
    ///
    /// [`MigrationError::NotFound`] if the table has no such version; those of the database.
    pub async fn mark_reverted<C: Send + Sync + 'static>(&self, db: &Db<DB, C>, version: i64) -> Result<()> {
        self.carry_out(db, Job::MarkReverted(version)).await.map(drop)
    }

    /// How things stand. Writes nothing and takes no lock.
    ///
    /// # Errors
    ///
    /// Those of the database alone: what does not fit is part of the answer.
    pub async fn status<C: Send + Sync + 'static>(&self, db: &Db<DB, C>) -> Result<Status> {
        let (status, _) = self.look(db).await?;
        Ok(status)
    }

    /// Looks whether `up` could run: whether what is applied is what the set says. What is pending is fine. Writes nothing and
    /// takes no lock.
    ///
    /// # Errors
    ///
    /// The worst that does not fit, as an [`Error::Migration`]; [`status`](Self::status) lists all. Those of the database.
    pub async fn validate<C: Send + Sync + 'static>(&self, db: &Db<DB, C>) -> Result<Status> {
        let (status, problems) = self.look(db).await?;
        if let Some(problem) = problems.into_iter().next() {
            return Err(problem.into());
        }
        self.set.iter().try_for_each(|entry| entry.check(true).and_then(|()| entry.check(false)))?;
        Ok(status)
    }

    async fn look<C: Send + Sync + 'static>(&self, db: &Db<DB, C>) -> Result<(Status, Vec<MigrationError>)> {
        let mut lease = Source::acquire(db).await?;
        let applied = self.books.read::<DB>(&mut lease).await;
        lease.settle(applied.as_ref().map(drop));
        let applied = applied?.unwrap_or_default();
        let problems = plan::problems(&self.set, &applied, self.rules);
        let newest = applied.last().map_or(i64::MIN, |row| row.version);
        let mut migrations: Vec<_> = self
            .set
            .iter()
            .map(|entry| {
                let row = row(&applied, entry.version);
                MigrationStatus {
                    version: entry.version,
                    description: entry.description.clone(),
                    state: match row {
                        Some(row) if !row.success => MigrationState::Dirty,
                        Some(row) if *row.checksum != *entry.checksum => MigrationState::Changed,
                        Some(_) => MigrationState::Applied,
                        None if entry.version < newest => MigrationState::OutOfOrder,
                        None => MigrationState::Pending,
                    },
                    reversible: entry.is_reversible(),
                    took: row.and_then(|row| u64::try_from(row.nanos).ok()).map(Duration::from_nanos),
                    meta: entry.meta.clone(),
                }
            })
            .collect();
        for row in applied.iter().filter(|row| self.set.get(row.version).is_none()) {
            migrations.push(MigrationStatus {
                version: row.version,
                description: row.description.clone(),
                state: if row.success { MigrationState::Missing } else { MigrationState::Dirty },
                reversible: false,
                took: u64::try_from(row.nanos).ok().map(Duration::from_nanos),
                meta: Default::default(),
            });
        }
        migrations.sort_by_key(|one| one.version);
        let texts = problems.iter().map(ToString::to_string).collect();
        Ok((Status { migrations, problems: texts }, problems))
    }

    /// Tries what is pending. On PostgreSQL and SQLite everything is executed in one transaction, which is rolled back; the
    /// database itself sees to it that nothing stays (but numbers that PostgreSQL's sequences gave away, and what migrations in Rust do elsewhere). Until
    /// then it holds the locks that the migrations would hold. What cannot run in a transaction is named and not executed. MySQL cannot undo
    /// changes of a schema, so there it is a plan, with `executed: false`.
    ///
    /// # Errors
    ///
    /// Those of [`up`](Self::up).
    pub async fn dry_run<C: Send + Sync + 'static>(&self, db: &Db<DB, C>) -> Result<DryRun> {
        self.try_to(db, Target::All).await
    }

    /// The same, up to and with this version.
    ///
    /// # Errors
    ///
    /// Those of [`up_to`](Self::up_to).
    pub async fn dry_run_to<C: Send + Sync + 'static>(&self, db: &Db<DB, C>, version: i64) -> Result<DryRun> {
        self.set.find(version)?;
        self.try_to(db, Target::Version(version)).await
    }

    async fn try_to<C: Send + Sync + 'static>(&self, db: &Db<DB, C>, target: Target) -> Result<DryRun> {
        if !DB::UNDOES_DDL {
            let mut lease = Source::acquire(db).await?;
            let applied = self.books.read::<DB>(&mut lease).await;
            lease.settle(applied.as_ref().map(drop));
            let pending = plan::pending(&self.set, &applied?.unwrap_or_default(), self.rules, target)?;
            pending.iter().try_for_each(|entry| entry.check(true))?;
            return Ok(dry::plan(&pending));
        }
        let work = Box::pin(async {
            let mut session = Session::open(db, &self.books, &self.watchers, self.lock_timeout).await?;
            let end = async {
                session.lock().await?;
                session.dry_run(&self.set, self.rules, target).await
            }
            .await;
            session.close(end.is_ok()).await;
            end
        });
        in_time(db, work).await
    }

    fn carry_out<'a, C: Send + Sync + 'static>(
        &'a self,
        db: &'a Db<DB, C>,
        job: Job,
    ) -> BoxFuture<'a, Result<Report>> {
        let work = Box::pin(async move {
            let began = Instant::now();
            let mut report = Report::default();
            #[cfg(feature = "schema")]
            let changes = matches!(job, Job::Up(..) | Job::Down(..) | Job::Redo);
            let mut session = Session::open(db, &self.books, &self.watchers, self.lock_timeout).await?;
            let end = self.job(&mut session, job, &mut report).await;
            session.close(end.is_ok()).await;
            end?;
            report.took = began.elapsed();
            if !report.done.is_empty() {
                for hook in &self.watchers.hooks {
                    hook.finished(&report).await?;
                }
            }
            #[cfg(feature = "schema")]
            if let Some(file) = self.schema_file.as_ref().filter(|_| changes) {
                crate::schema::capture(db).await?.write(file).map_err(Error::other)?;
            }
            Ok(report)
        });
        Box::pin(in_time(db, work))
    }

    async fn job(&self, session: &mut Session<'_, DB>, job: Job, report: &mut Report) -> Result<()> {
        let (set, rules) = (&self.set, self.rules);
        session.lock().await?;
        session.ensure_table().await?;
        match job {
            Job::Up(target, steps) => session.up(set, rules, target, steps, report).await,
            Job::Down(depth) => session.down(set, rules, depth, report).await,
            Job::Redo => {
                session.down(set, rules, Depth::Steps(1), report).await?;
                match report.done.first().map(|ran| ran.version) {
                    Some(version) => session.up(set, rules, Target::Version(version), ALL, report).await,
                    None => Ok(()),
                }
            }
            Job::MarkApplied(version) => session.mark_applied(set.find(version)?).await,
            Job::MarkReverted(version) => session.mark_reverted(version).await,
        }
    }
}

/// What a run is for.
enum Job {
    Up(Target, usize),
    Down(Depth),
    Redo,
    MarkApplied(i64),
    MarkReverted(i64),
}

/// Until the deadline of the database, if it has one.
async fn in_time<T: Send, DB: Backend, C: Send + Sync + 'static>(
    db: &Db<DB, C>,
    mut work: BoxFuture<'_, Result<T>>,
) -> Result<T> {
    let end = within(db.deadline(), pin!(&mut work)).await;
    end.unwrap_or_else(|deadline| Err(deadline.error(DeadlineStage::Running)))
}

/// sqlx says where, and keeps why in the chain.
fn unread(error: sqlx::migrate::MigrateError) -> Error {
    let mut what = match &error {
        sqlx::migrate::MigrateError::Source(source) => source.to_string(),
        other => other.to_string(),
    };
    let mut next = std::error::Error::source(&error).and_then(std::error::Error::source);
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !what.contains(&cause_text) {
            what.push_str(": ");
            what.push_str(&cause_text);
        }
        next = cause.source();
    }
    MigrationError::Source { what }.into()
}

impl<DB: Backend> fmt::Debug for Migrator<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let versions: Vec<_> = self.set.iter().map(|entry| entry.version).collect();
        f.debug_struct("Migrator")
            .field("versions", &versions)
            .field("table", &self.books.table())
            .field("rules", &self.rules)
            .field("watchers", &self.watchers)
            .field("lock_timeout", &self.lock_timeout)
            .finish()
    }
}
