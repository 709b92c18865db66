//! `kysera migrate`

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand};
use kysera::migrate::{Migrator, Progress, Report};
use kysera::{Backend, Db};
use serde::Serialize;

use crate::connect::{Url, with};
use crate::create::{New, create};
use crate::output::{Failure, in_shell, note, print};

#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    url: Url,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, ClapArgs)]
struct Options {
    /// The folder of the files.
    #[arg(long, global = true, value_name = "FOLDER", default_value = "migrations")]
    source: PathBuf,
    /// How many seconds others are waited for who apply migrations.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 300)]
    lock_timeout: u64,
    /// Apply also what is older than the newest migration that is applied.
    #[arg(long, global = true)]
    allow_out_of_order: bool,
    /// Do not mind migrations that are applied and not in the folder.
    #[arg(long, global = true)]
    ignore_missing: bool,
    /// Write the snapshot that the derive reads, after migrations were applied or undone.
    #[arg(long, global = true, value_name = "FILE", num_args = 0..=1, default_missing_value = "kysera.schema.json")]
    write_schema: Option<PathBuf>,
    /// Print JSON, for programs.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the files of a new migration.
    Create {
        /// What it is called: add_users.
        name: String,
        /// Make a file to undo it as well.
        #[arg(long)]
        reversible: bool,
        /// It cannot run in a transaction.
        #[arg(long)]
        no_transaction: bool,
    },
    /// Apply what is not applied.
    Up {
        /// Up to and with this version.
        #[arg(long, value_name = "VERSION")]
        to: Option<i64>,
        /// So many at most.
        #[arg(long, value_name = "NUMBER", conflicts_with = "to")]
        steps: Option<usize>,
        /// Execute and roll back; on MySQL only show what would be executed.
        #[arg(long, conflicts_with = "steps")]
        dry_run: bool,
    },
    /// Undo the newest migration, or more of them.
    Down {
        /// So many; 1 if nothing is said.
        #[arg(long, value_name = "NUMBER", conflicts_with = "to")]
        steps: Option<usize>,
        /// Everything above this version; 0 is everything.
        #[arg(long, value_name = "VERSION")]
        to: Option<i64>,
    },
    /// Undo the newest migration and apply it again.
    Redo,
    /// Undo everything.
    Reset {
        /// Say that you mean it.
        #[arg(long)]
        force: bool,
    },
    /// Show how they stand.
    Status,
    /// Look whether what is applied is what the files say; ends with 3 if not.
    Validate,
    /// Say that a migration is applied, without running it.
    MarkApplied {
        /// Its version.
        version: i64,
    },
    /// Say that a migration is not applied, without running anything.
    MarkReverted {
        /// Its version.
        version: i64,
    },
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let Args { command, url, options } = args;
    match &command {
        Command::Create { name, reversible, no_transaction } => {
            let new = New { name, reversible: *reversible, no_transaction: *no_transaction };
            return create(&options.source, &new);
        }
        Command::Reset { force: false } => {
            let what = "reset undoes every migration, and what is stored with it: say --force if you mean it";
            return Err(Failure::Refused(what.into()));
        }
        _ => {}
    }
    let database = url.connect().await?;
    with!(database, db => on(&db, command, &options).await)
}

async fn on<DB: Backend>(db: &Db<DB>, command: Command, options: &Options) -> Result<(), Failure> {
    let migrator = migrator(options).await?;
    let json = options.json;
    let report: Report = match command {
        Command::Up { to: None, dry_run: true, .. } => return print(&migrator.dry_run(db).await?, json),
        Command::Up { to: Some(version), dry_run: true, .. } => {
            return print(&migrator.dry_run_to(db, version).await?, json);
        }
        Command::Up { to: Some(version), .. } => migrator.up_to(db, version).await?,
        Command::Up { steps: Some(steps), .. } => migrator.up_by(db, steps).await?,
        Command::Up { .. } => migrator.up(db).await?,
        Command::Down { to: Some(version), .. } => migrator.down_to(db, version).await?,
        Command::Down { steps, .. } => migrator.down(db, steps.unwrap_or(1)).await?,
        Command::Redo => migrator.redo(db).await?,
        Command::Reset { .. } => migrator.reset(db).await?,
        Command::Status => return print(&migrator.status(db).await.map(Advice)?, json),
        Command::Validate => {
            let status = migrator.validate(db).await?;
            return print(&Advice(status), json);
        }
        Command::MarkApplied { version } => {
            migrator.mark_applied(db, version).await?;
            return print(&Marked { version, marked: "applied" }, json);
        }
        Command::MarkReverted { version } => {
            migrator.mark_reverted(db, version).await?;
            return print(&Marked { version, marked: "reverted" }, json);
        }
        Command::Create { .. } => return Ok(()),
    };
    print(&report, json)
}

async fn migrator<DB: Backend>(options: &Options) -> Result<Migrator<DB>, Failure> {
    let mut migrator = Migrator::from_dir(&options.source)
        .await?
        .lock_timeout(Duration::from_secs(options.lock_timeout))
        .on_progress(|progress| match progress {
            Progress::Waiting { holder: Some(holder) } => note(&format!("waiting: {holder}")),
            Progress::Waiting { holder: None } => note("waiting for somebody else who applies migrations"),
            Progress::Began(step) => {
                note(&format!("{} {} {} ..", step.direction, step.version, step.description))
            }
            _ => {}
        });
    if options.allow_out_of_order {
        migrator = migrator.allow_out_of_order();
    }
    if options.ignore_missing {
        migrator = migrator.ignore_missing();
    }
    if let Some(file) = &options.write_schema {
        migrator = migrator.writes_schema(file);
    }
    Ok(migrator)
}

/// What the library says of problems, in the words of the program.
#[derive(Serialize)]
#[serde(transparent)]
struct Advice(kysera::migrate::Status);

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&in_shell(&self.0.to_string()))
    }
}

#[derive(Serialize)]
struct Marked {
    version: i64,
    marked: &'static str,
}

impl fmt::Display for Marked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is marked as {}", self.version, self.marked)
    }
}
