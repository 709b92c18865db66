//! What time it is.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where a [`Db`](crate::Db) takes the time from that plugins write: `created_at`, `deleted_at` and the like.
///
/// The system's clock by default. Tests fix it:
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// use std::time::{Duration, UNIX_EPOCH};
///
/// use kysera::Clock;
/// use kysera::prelude::*;
///
/// #[derive(Debug, Repository)]
/// #[kysera::plugin(timestamps)]
/// #[kysera(table = "notes")]
/// struct Note {
///     #[kysera(id)]
///     id: i64,
///     text: String,
///     created_at: i64,
///     updated_at: i64,
/// }
///
/// let noon = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?.with_clock(Clock::fixed(noon));
/// db.raw_sql("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT, created_at INTEGER, updated_at INTEGER)").await?;
///
/// let note = Note::repo(&db).create(NewNote { text: "lunch".into() }).await?;
/// assert_eq!(note.created_at, 1_700_000_000);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))] fn main() {}
/// ```
#[derive(Clone, Default)]
pub struct Clock(Kind);

#[derive(Clone, Default)]
enum Kind {
    #[default]
    System,
    Fixed(SystemTime),
    Function(Arc<dyn Fn() -> SystemTime + Send + Sync>),
}

impl Clock {
    /// The system's clock.
    pub const SYSTEM: Clock = Clock(Kind::System);

    /// A clock that stands still.
    pub fn fixed(now: SystemTime) -> Self {
        Self(Kind::Fixed(now))
    }

    /// A clock that asks a function, once for each operation.
    pub fn from_fn(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Kind::Function(Arc::new(now)))
    }

    /// What time it is, in whole microseconds: what is finer, no database stores, and a row would come back other than it
    /// was sent.
    pub fn now(&self) -> SystemTime {
        let now = match &self.0 {
            Kind::System => SystemTime::now(),
            Kind::Fixed(now) => *now,
            Kind::Function(now) => now(),
        };
        whole_micros(now)
    }
}

fn whole_micros(time: SystemTime) -> SystemTime {
    let rest = |since: Duration| Duration::from_nanos(u64::from(since.subsec_nanos() % 1000));
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => time.checked_sub(rest(since)),
        // Towards the past as well.
        Err(before) => match rest(before.duration()) {
            Duration::ZERO => Some(time),
            rest => time.checked_sub(Duration::from_micros(1) - rest),
        },
    }
    .unwrap_or(time)
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::System => f.write_str("Clock::SYSTEM"),
            Kind::Fixed(now) => f.debug_tuple("Clock::fixed").field(now).finish(),
            Kind::Function(_) => f.write_str("Clock::from_fn(..)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_whole_microseconds_towards_the_past() {
        let at = |nanos: u64| Clock::fixed(UNIX_EPOCH + Duration::from_nanos(nanos)).now();
        assert_eq!(at(1_999), UNIX_EPOCH + Duration::from_nanos(1_000));
        assert_eq!(at(2_000), UNIX_EPOCH + Duration::from_nanos(2_000));
        let before = |nanos: u64| Clock::fixed(UNIX_EPOCH - Duration::from_nanos(nanos)).now();
        assert_eq!(before(1_999), UNIX_EPOCH - Duration::from_nanos(2_000));
        assert_eq!(before(2_000), UNIX_EPOCH - Duration::from_nanos(2_000));
    }

    #[test]
    fn a_function_is_asked_each_time() {
        let calls = std::sync::atomic::AtomicU64::new(0);
        let clock = Clock::from_fn(move || {
            UNIX_EPOCH + Duration::from_secs(calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
        });
        assert_eq!(clock.now(), UNIX_EPOCH);
        assert_eq!(clock.now(), UNIX_EPOCH + Duration::from_secs(1));
    }
}
