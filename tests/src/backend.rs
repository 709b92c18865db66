//! Where the databases of the tests live, and how they are made and dropped.

#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
pub mod postgres;
mod sqlite;

use std::future::Future;

use kysera::source::PgBouncer;
use kysera::{Backend, Db};
use sqlx::{Database, Pool};

use crate::fixture::Ddl;

/// A backend that the suite runs on.
pub trait TestBackend: Backend {
    /// Its own spelling.
    fn pick(ddl: &Ddl) -> &'static str;

    /// A database behind a pooler.
    fn behind(pool: Pool<Self>, _: PgBouncer) -> Db<Self> {
        Db::from(pool)
    }

    /// Makes an empty database. `shared`: several connections will be opened to it at a time.
    fn place(shared: bool) -> impl Future<Output = Place<Self>> + Send;

    /// How many sessions of the database of `db` sit in a transaction that nobody uses, as far as one can ask.
    fn in_transaction(db: &Db<Self>) -> impl Future<Output = usize> + Send;

    /// How many of them wait for a lock.
    fn waiting(db: &Db<Self>) -> impl Future<Output = usize> + Send;
}

/// An empty database, which is removed when this is dropped.
pub struct Place<DB: Database> {
    /// How to connect.
    pub options: <DB::Connection as sqlx::Connection>::Options,
    /// The same through a pooler, if that is where repositories are to go.
    pub pooled: Option<(<DB::Connection as sqlx::Connection>::Options, PgBouncer)>,
    remove: Option<Box<dyn FnOnce() + Send + Sync>>,
}

impl<DB: Database> Drop for Place<DB> {
    fn drop(&mut self) {
        if let Some(remove) = self.remove.take() {
            remove();
        }
    }
}

/// Names of databases, and which of them are left over from a process that was killed.
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod name {
    use std::process;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    /// What the names of the suite's databases begin with.
    pub(super) const PREFIX: &str = "kysera_test_";
    /// After this time nobody can be using a database any more.
    const STALE: Duration = Duration::from_secs(2 * 60 * 60);

    static NEXT: AtomicU32 = AtomicU32::new(0);

    fn now() -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
    }

    /// `kysera_test_<seconds>_<process>_<number>`
    pub(super) fn fresh() -> String {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        format!("{PREFIX}{}_{}_{number}", now().as_secs(), process::id())
    }

    pub(super) fn is_stale(name: &str) -> bool {
        let seconds = name.strip_prefix(PREFIX).and_then(|rest| rest.split('_').next()?.parse().ok());
        seconds.is_some_and(|made| Duration::from_secs(made) + STALE < now())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn only_old_names_of_ours_are_stale() {
            assert!(is_stale("kysera_test_1700000000_12_3"));
            assert!(!is_stale(&fresh()));
            assert!(!is_stale("kysera_test_"));
            assert!(!is_stale("kysera_test_users"));
            assert!(!is_stale("public"));
        }
    }
}

/// Runs a future to its end from a destructor, which may itself run on a runtime.
#[cfg(any(feature = "postgres", feature = "mysql"))]
fn block_on<F: Future + Send>(future: F) -> F::Output
where
    F::Output: Send,
{
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(future)
        });
        thread.join().unwrap()
    })
}

/// The URL of a server. With the backend's feature on, a missing server is a failure and not a skip.
#[cfg(any(feature = "postgres", feature = "mysql"))]
fn url(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: run `tests/services.sh up` and `eval \"$(tests/services.sh env)\"`")
    })
}
