use std::collections::HashMap;
use std::fmt;
use std::panic::Location;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Event, Observer, Operation, Token};

/// Finds loops that send a statement for each row: the same operation, from the same line of the program, many times within a
/// short while in one task. For tests and development; it keeps a lock and a clock per statement.
///
/// By default ten times within a second. Each place is told of once, as an event of `tracing` of level WARN and target
/// `kysera::n_plus_one`; [`findings`](Self::findings) has all of them, with how often it happened, for a test to look at.
/// An operation that sends several statements by itself, such as `create_many`, counts once.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// use std::sync::Arc;
///
/// use kysera::observe::NPlusOne;
/// use kysera::prelude::*;
///
/// #[derive(Repository)]
/// #[kysera(table = "users")]
/// struct User {
///     #[kysera(id)]
///     id: i64,
/// }
///
/// let detector = Arc::new(NPlusOne::new());
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?.observed_by(detector.clone());
/// db.raw_sql("CREATE TABLE users (id INTEGER PRIMARY KEY)").await?;
/// let users = User::repo(&db);
///
/// users.find_by_ids(0..20).await?; // one statement
/// assert!(detector.findings().is_empty());
///
/// for id in 0..20 {
///     users.find_by_id(id).await?; // twenty
/// }
/// let finding = &detector.findings()[0];
/// assert_eq!((finding.operation.method, finding.count), ("find_by_id", 20));
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
#[derive(Debug)]
pub struct NPlusOne {
    threshold: u32,
    window: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    runs: HashMap<(Option<tokio::task::Id>, Place), Run>,
    /// As many as the program has places.
    found: Vec<Finding>,
}

type Place = (Operation, &'static Location<'static>);

/// The same again and again.
#[derive(Debug)]
struct Run {
    began: Instant,
    count: u32,
}

/// A place where the same operation was called again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What.
    pub operation: Operation,
    /// Where.
    pub caller: &'static Location<'static>,
    /// The most calls in one window, so far.
    pub count: u32,
    /// How long these took together, with what the program did between them.
    pub within: Duration,
}

impl Finding {
    /// What to do instead.
    pub fn advice(&self) -> &'static str {
        match self.operation.method {
            "find_by_id" | "get" | "exists" => {
                "`find_by_ids` reads them at once, and `with` on a query loads what belongs to its rows"
            }
            "create" => "`create_many` or `insert_many` writes them at once",
            "update" | "update_at" | "save" => {
                "`update_many` writes them at once, and `find().set(..)` where all change alike"
            }
            "upsert" => "`upsert_many` writes them at once",
            "delete" => "`delete_many` deletes them at once",
            "restore" => "`restore_many` restores them at once",
            "purge" => "`purge_many` removes them at once",
            "touch" => "`touch_many` writes them at once",
            "load" => "`load_many` loads for all rows at once",
            _ => "ask for all of them at once, with `in_(..)`, or load a relation by `with`",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, caller, count, within } = self;
        let millis = within.as_millis();
        write!(f, "{operation} was called {count} times within {millis} ms at {caller}: {}", self.advice())
    }
}

/// So many runs are kept at most; more than a program has tasks that ask within a window.
pub(super) const MOST_RUNS: usize = 10_000;

impl NPlusOne {
    /// Ten times within a second.
    pub fn new() -> Self {
        Self { threshold: 10, window: Duration::from_secs(1), state: Mutex::default() }
    }

    /// How many times are too many, two at least, and within what time.
    #[must_use]
    pub fn threshold(mut self, times: u32, within: Duration) -> Self {
        self.threshold = times.max(2);
        self.window = within;
        self
    }

    /// What was found since the start.
    pub fn findings(&self) -> Vec<Finding> {
        self.state().found.clone()
    }

    #[cfg(test)]
    pub(super) fn runs(&self) -> usize {
        self.state().runs.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers what is told of.
    fn count(&self, place: Place) -> Option<Finding> {
        let now = Instant::now();
        let state = &mut *self.state();
        if state.runs.len() >= MOST_RUNS {
            state.runs.retain(|_, run| now.saturating_duration_since(run.began) <= self.window);
            // With only a few gone, each of the next statements would look through all of them again.
            if state.runs.len() >= MOST_RUNS / 2 {
                state.runs.clear();
            }
        }
        let task = tokio::task::try_id();
        let run = state.runs.entry((task, place)).or_insert(Run { began: now, count: 0 });
        if now.saturating_duration_since(run.began) > self.window {
            *run = Run { began: now, count: 0 };
        }
        run.count += 1;
        if run.count < self.threshold {
            return None;
        }
        let within = now.saturating_duration_since(run.began);
        let (operation, caller) = place;
        let finding = Finding { operation, caller, count: run.count, within };
        match state.found.iter_mut().find(|found| (found.operation, found.caller) == place) {
            Some(found) => {
                if found.count < finding.count {
                    *found = finding;
                }
                None
            }
            None => {
                state.found.push(finding.clone());
                Some(finding)
            }
        }
    }
}

impl Default for NPlusOne {
    fn default() -> Self {
        Self::new()
    }
}

impl Observer for NPlusOne {
    fn ended(&self, event: &Event<'_>, _: Option<Token>) {
        let statement = &event.statement;
        if !statement.is_first || statement.operation.table.is_none() {
            return;
        }
        if let Some(finding) = self.count((statement.operation, statement.caller)) {
            tracing::event!(target: "kysera::n_plus_one", tracing::Level::WARN, "{finding}");
        }
    }
}
