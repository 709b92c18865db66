//! What is answered.

use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::header::MigrationMeta;
use crate::error::{Direction, FailedStatement};

/// What was done.
///
/// `Display` is for people, a line for each migration; `Serialize` for programs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// What ran, in its order.
    pub done: Vec<Ran>,
    /// What was passed over, and why.
    pub skipped: Vec<Skipped>,
    /// How long it took, the wait for the lock included.
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub took: Duration,
}

/// A migration that ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Ran {
    /// Its version.
    pub version: i64,
    /// What it is called.
    pub description: String,
    /// Which way it went.
    pub direction: Direction,
    /// How long it took.
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub took: Duration,
}

/// A migration that was passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Skipped {
    /// Its version.
    pub version: i64,
    /// What it is called.
    pub description: String,
    /// Why.
    pub why: &'static str,
}

impl Report {
    /// The versions that ran, in their order.
    pub fn versions(&self) -> Vec<i64> {
        self.done.iter().map(|ran| ran.version).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Ran { version, description, direction, took } in &self.done {
            writeln!(f, "{direction:4} {version} {description} ({took:.1?})")?;
        }
        for Skipped { version, description, why } in &self.skipped {
            writeln!(f, "skip {version} {description}: {why}")?;
        }
        match self.done.len() {
            0 => f.write_str("nothing to do"),
            1 => write!(f, "1 migration in {:.1?}", self.took),
            n => write!(f, "{n} migrations in {:.1?}", self.took),
        }
    }
}

/// What is applied and what is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// All migrations of the set and of the table, ordered by version.
    pub migrations: Vec<MigrationStatus>,
    /// What is wrong, as it would be answered by `up`, the worst first.
    pub problems: Vec<String>,
}

/// One migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MigrationStatus {
    /// Its version.
    pub version: i64,
    /// What it is called.
    pub description: String,
    /// How it stands.
    pub state: MigrationState,
    /// Whether it can be undone.
    pub reversible: bool,
    /// How long it took, where that is written down.
    #[serde(rename = "seconds", serialize_with = "maybe_seconds")]
    pub took: Option<Duration>,
    /// What is known of it.
    pub meta: MigrationMeta,
}

/// How a migration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MigrationState {
    /// It is applied.
    Applied,
    /// It is not applied.
    Pending,
    /// It is not applied, and a newer one is.
    OutOfOrder,
    /// It is applied, and was changed afterwards.
    Changed,
    /// It is applied, and not in the set.
    Missing,
    /// It was begun and did not come to its end.
    Dirty,
}

impl MigrationState {
    /// Its name: `out_of_order`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Pending => "pending",
            Self::OutOfOrder => "out_of_order",
            Self::Changed => "changed",
            Self::Missing => "missing",
            Self::Dirty => "dirty",
        }
    }
}

impl fmt::Display for MigrationState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Status {
    /// Those that are in a state, in their order.
    pub fn versions(&self, state: MigrationState) -> Vec<i64> {
        self.migrations.iter().filter(|one| one.state == state).map(|one| one.version).collect()
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for MigrationStatus { version, description, state, meta, .. } in &self.migrations {
            write!(f, "{state:12} {version} {description}")?;
            if meta.breaking {
                f.write_str(" [breaking]")?;
            }
            for tag in &meta.tags {
                write!(f, " [{tag}]")?;
            }
            writeln!(f)?;
        }
        let applied = self.versions(MigrationState::Applied).len();
        let pending = self.versions(MigrationState::Pending).len();
        write!(f, "{applied} applied, {pending} pending")?;
        for problem in &self.problems {
            write!(f, "\nproblem: {problem}")?;
        }
        Ok(())
    }
}

/// What would be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DryRun {
    /// Whether the statements were executed, in a transaction that was then rolled back. MySQL cannot: there this is a plan.
    pub executed: bool,
    /// What is pending, in its order.
    pub migrations: Vec<Tried>,
}

/// A migration of a [`DryRun`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Tried {
    /// Its version.
    pub version: i64,
    /// What it is called.
    pub description: String,
    /// What is known of it.
    pub meta: MigrationMeta,
    /// The statements of its script; none of a migration in Rust.
    pub statements: Vec<TriedStatement>,
}

/// A statement of a [`DryRun`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TriedStatement {
    /// Which.
    #[serde(flatten)]
    pub statement: FailedStatement,
    /// How long it took; `None` if it was not executed.
    #[serde(rename = "seconds", serialize_with = "maybe_seconds")]
    pub took: Option<Duration>,
    /// Why it was not executed although others were.
    pub why: Option<&'static str>,
}

impl fmt::Display for DryRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Tried { version, description, meta, statements } in &self.migrations {
            let breaking = if meta.breaking { " [breaking]" } else { "" };
            writeln!(f, "up   {version} {description}{breaking}")?;
            for TriedStatement { statement, took, why } in statements {
                write!(f, "     {}: {}", statement.line, statement.head)?;
                match (took, why) {
                    (Some(took), _) => writeln!(f, " ({took:.1?})")?,
                    (None, Some(why)) => writeln!(f, " (not executed: {why})")?,
                    (None, None) => writeln!(f)?,
                }
            }
        }
        match (self.migrations.len(), self.executed) {
            (0, _) => f.write_str("nothing to do"),
            (n, true) => write!(f, "{n} pending; executed, and rolled back"),
            (n, false) => write!(f, "{n} pending; not executed, because this database cannot undo that"),
        }
    }
}

fn seconds<S: Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(took.as_secs_f64())
}

fn maybe_seconds<S: Serializer>(took: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match took {
        Some(took) => seconds(took, serializer),
        None => serializer.serialize_none(),
    }
}
