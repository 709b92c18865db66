use std::cmp::Reverse;
use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};

use super::{Sample, State, Stats};

/// What a [`Profiler`](super::Profiler) knows. Durations are milliseconds in JSON.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ProfileReport {
    /// Since when.
    #[serde(serialize_with = "unix_seconds", rename = "since_unix_seconds")]
    pub since: SystemTime,
    /// How long it has been measuring.
    #[serde(serialize_with = "millis", rename = "measured_ms")]
    pub measured: Duration,
    /// Statements.
    pub statements: u64,
    /// Those of them that failed.
    pub failed: u64,
    /// Those whose end nobody waited for.
    pub dropped: u64,
    /// How long all of them took together; more than was measured where several ran at a time.
    #[serde(serialize_with = "millis", rename = "total_ms")]
    pub total: Duration,
    /// What they were about: what took the most time first.
    pub operations: Vec<OperationProfile>,
    /// The last statements, oldest first.
    pub recent: Vec<Call>,
}

/// What is known of one operation.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct OperationProfile {
    /// `users.find_by_id`
    pub name: String,
    /// `postgresql`, `mysql` or `sqlite`.
    pub system: &'static str,
    /// Statements.
    pub statements: u64,
    /// Those of them that failed.
    pub failed: u64,
    /// Those whose end nobody waited for.
    pub dropped: u64,
    /// Operations that found no connection and sent nothing.
    pub unsent: u64,
    /// Errors by their codes, the most frequent first.
    pub errors: Vec<(&'static str, u64)>,
    /// Rows read or written.
    pub rows: u64,
    /// How long all statements took together.
    #[serde(serialize_with = "millis", rename = "total_ms")]
    pub total: Duration,
    /// The part of it in all that was measured, from 0 to 1.
    pub share: f64,
    /// How long the operations waited for connections together.
    #[serde(serialize_with = "millis", rename = "waited_ms")]
    pub waited: Duration,
    /// How long a statement took.
    pub times: Percentiles,
    /// Where it is called, the most frequent first, with the number of statements.
    pub callers: Vec<(String, u64)>,
    /// The statement that took longest.
    pub slowest: Option<Call>,
}

/// How durations are spread; within one percent of the truth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Percentiles {
    /// The shortest.
    #[serde(serialize_with = "millis", rename = "min_ms")]
    pub min: Duration,
    /// All together by their number.
    #[serde(serialize_with = "millis", rename = "mean_ms")]
    pub mean: Duration,
    /// Half of them took no longer.
    #[serde(serialize_with = "millis", rename = "p50_ms")]
    pub p50: Duration,
    /// 95 of 100 took no longer.
    #[serde(serialize_with = "millis", rename = "p95_ms")]
    pub p95: Duration,
    /// 99 of 100 took no longer.
    #[serde(serialize_with = "millis", rename = "p99_ms")]
    pub p99: Duration,
    /// The longest.
    #[serde(serialize_with = "millis", rename = "max_ms")]
    pub max: Duration,
}

/// One statement.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Call {
    /// `users.find_by_id`
    pub name: String,
    /// Where the operation was called.
    pub caller: String,
    /// Its text, with placeholders for the values.
    pub sql: String,
    /// When it was sent, after the profiler's start.
    #[serde(serialize_with = "millis", rename = "at_ms")]
    pub at: Duration,
    /// How long it took.
    #[serde(serialize_with = "millis", rename = "duration_ms")]
    pub duration: Duration,
    /// Rows read or written.
    pub rows: u64,
    /// `ok`, `dropped`, or the code of the error.
    pub outcome: &'static str,
}

fn millis<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64() * 1000.0)
}

fn unix_seconds<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    serializer.serialize_u64(seconds)
}

impl State {
    pub(super) fn report(&self) -> ProfileReport {
        let total: Duration = self.operations.values().map(|stats| stats.total).sum();
        let sum = |of: fn(&Stats) -> u64| self.operations.values().map(of).sum();
        let mut operations: Vec<_> = self
            .operations
            .iter()
            .map(|(operation, stats)| stats.profile(operation.to_string(), total))
            .collect();
        operations.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.name.cmp(&b.name)));
        // They are kept as they ended.
        let mut recent: Vec<Call> = self.recent.iter().map(|sample| sample.call()).collect();
        recent.sort_by_key(|call| call.at);
        ProfileReport {
            since: self.since,
            measured: self.start.elapsed(),
            statements: sum(|stats| stats.times.len()),
            failed: sum(|stats| stats.failed),
            dropped: sum(|stats| stats.dropped),
            total,
            operations,
            recent,
        }
    }
}

impl Stats {
    fn profile(&self, name: String, all: Duration) -> OperationProfile {
        let share = if all.is_zero() { 0.0 } else { self.total.as_secs_f64() / all.as_secs_f64() };
        OperationProfile {
            name,
            system: self.dialect,
            statements: self.times.len(),
            failed: self.failed,
            dropped: self.dropped,
            unsent: self.unsent,
            errors: most_first(self.errors.iter().map(|(code, count)| (*code, *count))),
            rows: self.rows,
            total: self.total,
            share,
            waited: self.waited,
            times: self.percentiles(),
            callers: most_first(self.callers.iter().map(|(caller, count)| (caller.to_string(), *count))),
            slowest: self.slowest.as_ref().map(|sample| sample.call()),
        }
    }

    fn percentiles(&self) -> Percentiles {
        let Some(slowest) = &self.slowest else { return Percentiles::default() };
        // The histogram answers the upper end of a range.
        let at =
            |quantile| Duration::from_nanos(self.times.value_at_quantile(quantile)).min(slowest.duration);
        Percentiles {
            min: Duration::from_nanos(self.times.min()),
            mean: self.total.div_f64(self.times.len() as f64),
            p50: at(0.50),
            p95: at(0.95),
            p99: at(0.99),
            max: slowest.duration,
        }
    }
}

fn most_first<T: Ord>(counts: impl Iterator<Item = (T, u64)>) -> Vec<(T, u64)> {
    let mut counts: Vec<_> = counts.collect();
    counts.sort_by(|a, b| (Reverse(a.1), &a.0).cmp(&(Reverse(b.1), &b.0)));
    counts
}

impl Sample {
    fn call(&self) -> Call {
        Call {
            name: self.operation.to_string(),
            caller: self.caller.to_string(),
            sql: self.sql.to_string(),
            at: self.at,
            duration: self.duration,
            rows: self.rows,
            outcome: self.outcome,
        }
    }
}

/// A table for a terminal.
impl fmt::Display for ProfileReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { statements, failed, dropped, total, measured, .. } = self;
        writeln!(
            f,
            "{statements} statements in {:.1} s, {failed} failed, {dropped} dropped, {} not sent; {} in the database",
            measured.as_secs_f64(),
            self.operations.iter().map(|operation| operation.unsent).sum::<u64>(),
            short(*total),
        )?;
        let longest = self.operations.iter().map(|operation| operation.name.chars().count()).max();
        let width = longest.unwrap_or_default().max("operation".len());
        writeln!(
            f,
            "{:width$} {:>9} {:>6} {:>6} {:>7} {:>9} {:>9} {:>6} {:>9} {:>9} {:>9} {:>9}",
            "operation",
            "count",
            "failed",
            "unsent",
            "rows",
            "waited",
            "total",
            "share",
            "p50",
            "p95",
            "p99",
            "max"
        )?;
        for operation in &self.operations {
            let Percentiles { p50, p95, p99, max, .. } = operation.times;
            writeln!(
                f,
                "{:width$} {:>9} {:>6} {:>6} {:>7} {:>9} {:>9} {:>5.1}% {:>9} {:>9} {:>9} {:>9}",
                operation.name,
                operation.statements,
                operation.failed,
                operation.unsent,
                operation.rows,
                short(operation.waited),
                short(operation.total),
                operation.share * 100.0,
                short(p50),
                short(p95),
                short(p99),
                short(max),
            )?;
        }
        Ok(())
    }
}

/// A duration in the unit that suits it.
pub(super) fn short(duration: Duration) -> String {
    let micros = duration.as_secs_f64() * 1e6;
    match micros {
        0.0 => "0".into(),
        ..1000.0 => format!("{micros:.0} µs"),
        ..100_000.0 => format!("{:.1} ms", micros / 1e3),
        ..1_000_000.0 => format!("{:.0} ms", micros / 1e3),
        ..60_000_000.0 => format!("{:.1} s", micros / 1e6),
        _ => format!("{:.1} min", micros / 6e7),
    }
}
