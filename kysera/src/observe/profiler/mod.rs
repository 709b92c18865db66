//! What a program asks of its database, measured.

mod chart;
mod html;
mod report;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use hdrhistogram::Histogram;

pub use report::{Call, OperationProfile, Percentiles, ProfileReport};

use super::{Event, Observer, Operation, Outcome, Token};
use crate::error::Error;

/// Measures statements: for each operation how many there were, how they ended, how long they took (a histogram, for p50, p95 and
/// p99), from where they came; and of the last ones each by itself. Needs the feature `profiler`.
///
/// What it keeps is bounded: a histogram for each operation, of which there are as many as the program has tables and methods, the
/// places that call it, and a ring of the last statements (1000 unless [`with_capacity`](Self::with_capacity) says otherwise), with the
/// first 4 KiB of their texts. It keeps no values.
///
/// [`report`](Self::report) says what it knows: as a table ([`Display`](std::fmt::Display)), as JSON (it is
/// [`Serialize`](serde::Serialize)), and as a page for a browser, [`to_html`](ProfileReport::to_html).
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// use std::sync::Arc;
///
/// use kysera::observe::Profiler;
/// use kysera::prelude::*;
///
/// #[derive(Repository)]
/// #[kysera(table = "users")]
/// struct User {
///     #[kysera(id)]
///     id: i64,
/// }
///
/// let profiler = Arc::new(Profiler::new());
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?.observed_by(profiler.clone());
/// db.raw_sql("CREATE TABLE users (id INTEGER PRIMARY KEY)").await?;
/// for id in 0..10 {
///     User::repo(&db).find_by_id(id).await?;
/// }
///
/// let report = profiler.report();
/// let find = &report.operations[0];
/// assert_eq!((find.name.as_str(), find.statements, find.failed), ("users.find_by_id", 10, 0));
/// println!("{report}");
/// std::fs::write(std::env::temp_dir().join("profile.html"), report.to_html()).map_err(kysera::Error::other)?;
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
pub struct Profiler {
    capacity: usize,
    state: Mutex<State>,
}

struct State {
    since: SystemTime,
    start: Instant,
    operations: HashMap<Operation, Stats>,
    recent: VecDeque<Arc<Sample>>,
}

/// What is known of an operation.
struct Stats {
    dialect: &'static str,
    /// Nanoseconds, of all statements however they ended.
    times: Histogram<u32>,
    total: Duration,
    waited: Duration,
    rows: u64,
    failed: u64,
    dropped: u64,
    errors: HashMap<&'static str, u64>,
    /// Operations that found no connection.
    unsent: u64,
    callers: HashMap<&'static Location<'static>, u64>,
    slowest: Option<Arc<Sample>>,
}

/// One statement.
struct Sample {
    operation: Operation,
    caller: &'static Location<'static>,
    sql: Box<str>,
    /// After the start.
    at: Duration,
    duration: Duration,
    rows: u64,
    outcome: &'static str,
}

/// Two digits: a percentile is within one percent of the truth, and a histogram takes 20 kilobytes at most.
const DIGITS: u8 = 2;

/// So many bytes of a text are kept: those of bulk statements are long, and say the same again and again.
const TEXT: usize = 4096;

fn beginning(sql: &str) -> Box<str> {
    if sql.len() <= TEXT {
        return sql.into();
    }
    format!("{} …", &sql[..sql.floor_char_boundary(TEXT)]).into()
}

/// A day; what takes longer counts as that much in percentiles.
const MOST_NANOS: u64 = 24 * 60 * 60 * 1_000_000_000;

impl Stats {
    fn new(dialect: &'static str) -> Option<Self> {
        Some(Self {
            dialect,
            times: Histogram::new(DIGITS).ok()?,
            total: Duration::ZERO,
            waited: Duration::ZERO,
            rows: 0,
            failed: 0,
            dropped: 0,
            errors: HashMap::new(),
            unsent: 0,
            callers: HashMap::new(),
            slowest: None,
        })
    }
}

impl Profiler {
    /// One that keeps the last 1000 statements.
    pub fn new() -> Self {
        Self::with_capacity(1000)
    }

    /// How many of the last statements are kept, each by itself; may be none.
    pub fn with_capacity(statements: usize) -> Self {
        Self { capacity: statements, state: Mutex::new(State::new()) }
    }

    /// What it knows.
    pub fn report(&self) -> ProfileReport {
        self.state().report()
    }

    /// Forgets everything and starts anew.
    pub fn clear(&self) {
        *self.state() = State::new();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Profiler {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Profiler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profiler").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}

impl State {
    fn new() -> Self {
        Self {
            since: SystemTime::now(),
            start: Instant::now(),
            operations: HashMap::new(),
            recent: VecDeque::new(),
        }
    }

    fn stats(&mut self, operation: Operation, dialect: &'static str) -> Option<&mut Stats> {
        use std::collections::hash_map::Entry;
        Some(match self.operations.entry(operation) {
            Entry::Occupied(known) => {
                let stats = known.into_mut();
                if stats.dialect.is_empty() {
                    stats.dialect = dialect; // so far it found no connection
                }
                stats
            }
            Entry::Vacant(new) => new.insert(Stats::new(dialect)?),
        })
    }
}

impl Observer for Profiler {
    fn ended(&self, event: &Event<'_>, _: Option<Token>) {
        let statement = &event.statement;
        let mut state = self.state();
        let sample = || Sample {
            operation: statement.operation,
            caller: statement.caller,
            sql: beginning(statement.sql),
            at: state.start.elapsed().saturating_sub(event.duration),
            duration: event.duration,
            rows: event.rows,
            outcome: event.outcome.label(),
        };
        let sample = Arc::new(sample());
        let Some(stats) = state.stats(statement.operation, statement.dialect.otel_name()) else { return };
        let nanos = u64::try_from(event.duration.as_nanos()).unwrap_or(MOST_NANOS);
        // `saturating_record` would take what lies beyond the histogram's range so far for the end of it. This makes room.
        let _ = stats.times.record(nanos.min(MOST_NANOS));
        stats.total += event.duration;
        stats.waited += statement.waited;
        stats.rows += event.rows;
        match event.outcome {
            Outcome::Done => {}
            Outcome::Dropped => stats.dropped += 1,
            Outcome::Failed(error) => {
                stats.failed += 1;
                *stats.errors.entry(error.code().as_str()).or_default() += 1;
            }
        }
        *stats.callers.entry(statement.caller).or_default() += 1;
        if stats.slowest.as_ref().is_none_or(|slowest| slowest.duration < event.duration) {
            stats.slowest = Some(sample.clone());
        }
        if self.capacity == 0 {
            return;
        }
        if state.recent.len() == self.capacity {
            state.recent.pop_front();
        }
        state.recent.push_back(sample);
    }

    fn unsent(&self, operation: Operation, waited: Duration, error: &Error) {
        let mut state = self.state();
        let Some(stats) = state.stats(operation, "") else { return };
        stats.unsent += 1;
        stats.waited += waited;
        *stats.errors.entry(error.code().as_str()).or_default() += 1;
    }
}
