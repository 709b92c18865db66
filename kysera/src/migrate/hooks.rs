//! Who is told of what happens.

use std::fmt;
use std::time::Duration;

use futures_util::future::{BoxFuture, ready};
use serde::Serialize;

use super::header::MigrationMeta;
use super::report::Report;
use crate::error::{Direction, Error, Result};

/// One migration on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// Its version.
    pub version: i64,
    /// What it is called.
    pub description: String,
    /// Which way it goes.
    pub direction: Direction,
    /// What is known of it.
    pub meta: MigrationMeta,
}

/// Code of your own around migrations, on every way up and down.
///
/// Hooks are asked in the order in which they were added, and one after the other. A migration holds locks while `before` runs (on SQLite the
/// one that writers need), so be quick there, and do not use the same database.
///
/// ```
/// use std::time::Duration;
///
/// use kysera::migrate::{Hook, Step};
/// use futures_util::future::BoxFuture;
///
/// struct Announce;
///
/// impl Hook for Announce {
///     fn after<'a>(&'a self, step: &'a Step, took: Duration) -> BoxFuture<'a, kysera::Result<()>> {
///         Box::pin(async move {
///             // post(format!("{} {} took {took:?}", step.direction, step.version)).await
///             Ok(())
///         })
///     }
/// }
/// ```
pub trait Hook: Send + Sync {
    /// A migration is about to run. An error stops it before anything of it was sent.
    fn before<'a>(&'a self, step: &'a Step) -> BoxFuture<'a, Result<()>> {
        let _ = step;
        Box::pin(ready(Ok(())))
    }

    /// A migration has come to its end and is committed. An error stops those behind it.
    fn after<'a>(&'a self, step: &'a Step, took: Duration) -> BoxFuture<'a, Result<()>> {
        let _ = (step, took);
        Box::pin(ready(Ok(())))
    }

    /// A migration failed.
    fn failed<'a>(&'a self, step: &'a Step, took: Duration, error: &'a Error) -> BoxFuture<'a, ()> {
        let _ = (step, took, error);
        Box::pin(ready(()))
    }

    /// All that was asked for is done, the locks are given back, and something was done at all: the place to write down what
    /// the schema is now. An error is answered by the call that ran the migrations, which stay.
    fn finished<'a>(&'a self, report: &'a Report) -> BoxFuture<'a, Result<()>> {
        let _ = report;
        Box::pin(ready(Ok(())))
    }
}

/// What goes on, for a progress bar or a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Progress {
    /// Somebody else applies migrations, and is waited for.
    Waiting {
        /// Who, as far as the database tells.
        holder: Option<String>,
    },
    /// So many migrations are to run.
    Planned {
        /// How many.
        migrations: usize,
    },
    /// A migration begins.
    Began(Step),
    /// A statement of its script is about to be sent.
    Statement {
        /// The migration's version.
        version: i64,
        /// The statement's number, from 1.
        number: usize,
        /// How many there are.
        of: usize,
    },
    /// A migration came to its end.
    Ended {
        /// Which.
        step: Step,
        /// How long it took.
        took: Duration,
    },
    /// A migration was passed over.
    Skipped {
        /// Its version.
        version: i64,
        /// Why.
        why: String,
    },
}

type OnProgress = Box<dyn Fn(&Progress) + Send + Sync>;

/// Everyone who is told.
#[derive(Default)]
pub(super) struct Watchers {
    pub(super) hooks: Vec<Box<dyn Hook>>,
    pub(super) progress: Vec<OnProgress>,
}

impl Watchers {
    pub(super) fn tell(&self, progress: &Progress) {
        for told in &self.progress {
            told(progress);
        }
    }
}

impl fmt::Debug for Watchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watchers")
            .field("hooks", &self.hooks.len())
            .field("progress", &self.progress.len())
            .finish()
    }
}
