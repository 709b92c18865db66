use std::fmt;
use std::time::Duration;

use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::health::figures;
use crate::backend::Backend;
use crate::error::{Error, Result};
use crate::source::Db;

/// Ends the work of a [`Db`] and of its replicas: nothing new begins, what is under way has until a deadline, then the pools are closed.
///
/// From its beginning on, whoever asks for a connection or a transaction is told
/// [`ShuttingDown`](crate::error::PoolError::ShuttingDown), and so is whoever waits for one. Transactions that are open, connections
/// that are lent ([`Conn`](crate::Conn), streams) and connections that [`Db::pool`] gave go on, and are waited for: for 30 s, or
/// [otherwise](Self::deadline). What is open then stays open, and is closed when it comes back; the [`ShutdownReport`] says how much
/// that is. It never ends the program.
///
/// A request that is under way and has no transaction is refused its next statement. So let the server finish its requests first:
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// # use kysera::{Db, Sqlite};
/// use std::time::Duration;
///
/// use kysera::infra::Shutdown;
///
/// # async fn serve_until_told_to_end(db: &Db<Sqlite>) {}
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// serve_until_told_to_end(&db).await; // axum's `with_graceful_shutdown`, for instance
/// let report = Shutdown::new(&db).deadline(Duration::from_secs(10)).run().await?;
/// if !report.is_clean() {
///     eprintln!("{report}");
/// }
/// # assert!(report.is_clean());
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
#[derive(Debug)]
#[must_use = "nothing ends until it is `run`"]
pub struct Shutdown<DB: Backend, C = ()> {
    db: Db<DB, C>,
    deadline: Duration,
    report: OnceCell<ShutdownReport>,
}

/// What was still open when a [`Shutdown`] had waited long enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Transactions that had neither been committed nor rolled back. The server rolls them back when their connections close.
    pub transactions: usize,
    /// Connections that were in use, those of the transactions among them.
    pub connections: u32,
}

impl ShutdownReport {
    /// Whether everything had ended.
    pub fn is_clean(&self) -> bool {
        self.connections == 0 && self.transactions == 0
    }
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_clean() {
            return f.write_str("the database was shut down, and nothing was left open");
        }
        write!(
            f,
            "the database was shut down with {} transaction(s) and {} connection(s) still open",
            self.transactions, self.connections
        )
    }
}

impl<DB: Backend, C: Send + Sync + 'static> Shutdown<DB, C> {
    /// Of this database and its clones, with a deadline of 30 s.
    pub fn new(db: &Db<DB, C>) -> Self {
        Self { db: db.clone(), deadline: Duration::from_secs(30), report: OnceCell::new() }
    }

    /// How long to wait for what is under way. Platforms that send SIGTERM lose patience after some time of their own (Kubernetes
    /// after 30 s): stay below.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Begins, and waits for the end. It happens once: who calls this again waits for the same end, and gets the same report. Of two
    /// `Shutdown`s of one database each waits for as long as it was told, and no longer.
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`] outside of a tokio runtime.
    pub async fn run(&self) -> Result<ShutdownReport> {
        self.report.get_or_try_init(|| self.end()).await.copied()
    }

    /// Waits for SIGTERM or Ctrl-C, then [`run`](Self::run)s. See [`signal`] to do something in between.
    ///
    /// # Errors
    ///
    /// Those of the two.
    #[cfg(feature = "signal")]
    pub async fn on_signal(&self) -> Result<ShutdownReport> {
        signal().await?;
        self.run().await
    }

    /// Whether a shutdown of the database has begun: what a readiness probe asks.
    pub fn has_begun(&self) -> bool {
        self.db.is_shutting_down()
    }

    async fn end(&self) -> Result<ShutdownReport> {
        let Ok(runtime) = Handle::try_current() else {
            return Err(Error::BadRequest(
                "a shutdown works within a tokio runtime, and there is none here".into(),
            ));
        };
        // Here and now, before anybody else gets a word in.
        self.db.begin_shutdown();
        // In a task, which goes on after the deadline: what comes back late is closed as well.
        let db = self.db.clone();
        let closing = runtime.spawn(async move { db.close().await });
        let report = match timeout(self.deadline, closing).await {
            Ok(_) => ShutdownReport { transactions: 0, connections: 0 },
            Err(_) => self.left_open(),
        };
        tracing::event!(
            target: "kysera::shutdown",
            tracing::Level::INFO,
            transactions = report.transactions,
            connections = report.connections,
            "shut down"
        );
        Ok(report)
    }
}

impl<DB: Backend, C: Send + Sync + 'static> Shutdown<DB, C> {
    fn left_open(&self) -> ShutdownReport {
        let replicas = self.db.nodes();
        let transactions = replicas.iter().map(|node| node.db.metrics().transactions);
        let connections = replicas.iter().map(|node| figures(&node.db).in_use);
        ShutdownReport {
            transactions: self.db.metrics().transactions + transactions.sum::<usize>(),
            connections: figures(&self.db).in_use + connections.sum::<u32>(),
        }
    }
}

/// Waits until the program is told to end: for SIGTERM or Ctrl-C.
///
/// From its first poll on these signals no longer end the program by themselves, also not when they come again: ending it is for
/// `main`, by returning.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # async fn main_of_a_service(db: kysera::Db<kysera::Sqlite>) -> kysera::Result<()> {
/// # struct Server;
/// # impl Server { async fn stop(&self) {} }
/// # let server = Server;
/// use kysera::infra::{Shutdown, signal};
///
/// signal().await?;
/// server.stop().await;
/// Shutdown::new(&db).run().await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Where the operating system refuses to tell of signals, and [`Error::BadRequest`] outside of a tokio runtime.
#[cfg(feature = "signal")]
pub async fn signal() -> Result<()> {
    if Handle::try_current().is_err() {
        return Err(Error::BadRequest(
            "signals are heard within a tokio runtime, and there is none here".into(),
        ));
    }
    wait_for_signal().await.map_err(Error::other)
}

#[cfg(all(feature = "signal", unix))]
async fn wait_for_signal() -> std::io::Result<()> {
    use std::pin::pin;

    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    futures_util::future::select(pin!(terminate.recv()), pin!(interrupt.recv())).await;
    Ok(())
}

#[cfg(all(feature = "signal", not(unix)))]
async fn wait_for_signal() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
