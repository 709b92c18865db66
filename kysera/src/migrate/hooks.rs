//! Who is told of what happens.

use std::fmt;
use std::future::{Future, ready};
use std::time::Duration;

use futures_util::future::BoxFuture;
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
/// Hooks are asked in the order in which they were added, and one after the other. A transaction is open while `before` runs (on
/// SQLite the one that writers need), so be quick there, and do not use the same database.
///
/// ```
/// use std::time::Duration;
///
/// use kysera::migrate::{Hook, Step};
///
/// struct Announce;
///
/// impl Hook for Announce {
///     async fn after(&self, step: &Step, took: Duration) -> kysera::Result<()> {
///         // post(format!("{} {} took {took:?}", step.direction, step.version)).await
///         Ok(())
///     }
/// }
/// ```
pub trait Hook: Send + Sync + 'static {
    /// A migration is about to run. An error stops it before anything of it was sent.
    fn before(&self, step: &Step) -> impl Future<Output = Result<()>> + Send {
        let _ = step;
        ready(Ok(()))
    }

    /// A migration has come to its end and is committed. An error stops those behind it.
    fn after(&self, step: &Step, took: Duration) -> impl Future<Output = Result<()>> + Send {
        let _ = (step, took);
        ready(Ok(()))
    }

    /// A migration failed.
    fn failed(&self, step: &Step, took: Duration, error: &Error) -> impl Future<Output = ()> + Send {
        let _ = (step, took, error);
        ready(())
    }

    /// All that was asked for is done, the locks are given back, and something was done at all: the place to write down what
    /// the schema is now. An error is answered by the call that ran the migrations, which stay.
    fn finished(&self, report: &Report) -> impl Future<Output = Result<()>> + Send {
        let _ = report;
        ready(Ok(()))
    }
}

/// The same, without its type.
pub(super) trait AnyHook: Send + Sync {
    fn before<'a>(&'a self, step: &'a Step) -> BoxFuture<'a, Result<()>>;
    fn after<'a>(&'a self, step: &'a Step, took: Duration) -> BoxFuture<'a, Result<()>>;
    fn failed<'a>(&'a self, step: &'a Step, took: Duration, error: &'a Error) -> BoxFuture<'a, ()>;
    fn finished<'a>(&'a self, report: &'a Report) -> BoxFuture<'a, Result<()>>;
}

impl<H: Hook> AnyHook for H {
    fn before<'a>(&'a self, step: &'a Step) -> BoxFuture<'a, Result<()>> {
        Box::pin(Hook::before(self, step))
    }

    fn after<'a>(&'a self, step: &'a Step, took: Duration) -> BoxFuture<'a, Result<()>> {
        Box::pin(Hook::after(self, step, took))
    }

    fn failed<'a>(&'a self, step: &'a Step, took: Duration, error: &'a Error) -> BoxFuture<'a, ()> {
        Box::pin(Hook::failed(self, step, took, error))
    }

    fn finished<'a>(&'a self, report: &'a Report) -> BoxFuture<'a, Result<()>> {
        Box::pin(Hook::finished(self, report))
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
    pub(super) hooks: Vec<Box<dyn AnyHook>>,
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
