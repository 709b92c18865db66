use std::panic::Location;
use std::time::{Duration, Instant};

/// How long it waits between two tries.
const PAUSE: Duration = Duration::from_millis(2);

/// Waits for what another task, or the database, brings about: tries until there is a `Some`, and answers what is in it.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// use std::time::Duration;
///
/// use kysera::{Db, Sqlite, testing};
///
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// let held = testing::eventually(Duration::from_secs(5), async || {
///     let metrics = db.metrics();
///     (metrics.waiters == 0).then_some(metrics.held)
/// });
/// assert!(held.await <= 1);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
///
/// # Panics
///
/// With the place of the call, if nothing has come after `within`. It tries once at least, and every 2 ms.
#[track_caller]
#[allow(clippy::panic, reason = "it is an assertion")]
pub fn eventually<T>(
    within: Duration,
    mut attempt: impl AsyncFnMut() -> Option<T>,
) -> impl Future<Output = T> {
    let caller = Location::caller();
    async move {
        let start = Instant::now();
        loop {
            if let Some(found) = attempt().await {
                return found;
            }
            if start.elapsed() >= within {
                panic!("{caller}: it has not happened within {within:?}");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
