use std::fmt;
use std::time::Duration;

use super::{Event, Observer, Token};

/// Tells of statements that take long: an event of `tracing` for each, of level WARN and target `kysera::slow`, with the operation, the
/// duration, the rows, the caller and the text.
///
/// A stream counts with what the program does between its rows, and what failed or was dropped counts, too. How long an operation
/// waited before its first statement, for a connection or for its turn to write to a file of SQLite, is told, and counts
/// only if [asked for](Self::counting_waits).
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// # use sqlx::Sqlite;
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use kysera::Db;
/// use kysera::observe::SlowLog;
///
/// let slow = SlowLog::over(Duration::from_millis(50));
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?.observed_by(Arc::new(slow));
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
pub struct SlowLog {
    threshold: Duration,
    values: bool,
    waits: bool,
    instead: Option<Box<Instead>>,
}

type Instead = dyn Fn(&Event<'_>) + Send + Sync;

impl SlowLog {
    /// Tells of what takes longer than this. [`default`](Self::default) is 100 ms.
    pub fn over(threshold: Duration) -> Self {
        Self { threshold, values: false, waits: false, instead: None }
    }

    /// Tells the values as well. They may be secrets: those of columns that are `#[kysera(sensitive)]` are covered, all others are
    /// not.
    #[must_use]
    pub fn with_values(mut self) -> Self {
        self.values = true;
        self
    }

    /// Counts the wait before the first statement of an operation as well.
    #[must_use]
    pub fn counting_waits(mut self) -> Self {
        self.waits = true;
        self
    }

    /// Calls a function instead of telling `tracing`.
    #[must_use]
    pub fn to(mut self, tell: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.instead = Some(Box::new(tell));
        self
    }
}

impl Default for SlowLog {
    fn default() -> Self {
        Self::over(Duration::from_millis(100))
    }
}

impl fmt::Debug for SlowLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlowLog")
            .field("threshold", &self.threshold)
            .field("values", &self.values)
            .field("waits", &self.waits)
            .finish_non_exhaustive()
    }
}

impl Observer for SlowLog {
    fn ended(&self, event: &Event<'_>, _: Option<Token>) {
        let waited = event.statement.waited;
        let counted = event.duration + if self.waits { waited } else { Duration::ZERO };
        if counted <= self.threshold {
            return;
        }
        if let Some(tell) = &self.instead {
            return tell(event);
        }
        let statement = &event.statement;
        let values = statement.values.map(|values| values.join(", "));
        tracing::event!(
            target: "kysera::slow",
            tracing::Level::WARN,
            operation = %statement.operation,
            duration_ms = event.duration.as_secs_f64() * 1000.0,
            waited_ms = waited.as_secs_f64() * 1000.0,
            rows = event.rows,
            outcome = event.outcome.label(),
            caller = %statement.caller,
            sql = statement.sql,
            values,
            "slow statement"
        );
    }

    fn wants_values(&self) -> bool {
        self.values
    }
}
