//! One writer at a time, where a database has room for one.
//!
//! In a file of SQLite one connection writes. The others try again and again, each asleep in its thread meanwhile, until one of
//! them happens to ask at the right moment; whoever is unlucky for as long as `busy_timeout` fails. So those who want to
//! write form a queue, first come, first served, and take a connection when it is their turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tokio::time::timeout;

/// Until it is dropped, nobody else writes.
pub(crate) type Turn = OwnedSemaphorePermit;

/// Why there is no turn.
#[derive(Debug)]
pub(super) enum NoTurn {
    /// Somebody else wrote for as long as one waits.
    Late,
    /// Nobody gets a turn any more.
    Closed,
}

/// Who writes, and who waits for that.
#[derive(Debug)]
pub(super) struct Writers {
    turn: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Writers {
    pub(super) fn new() -> Self {
        Self { turn: Arc::new(Semaphore::new(1)), waiting: AtomicUsize::new(0) }
    }

    /// Waits, for as long as `patience`.
    pub(super) async fn turn(&self, patience: Duration) -> Result<Turn, NoTurn> {
        // Does not overtake: it is not to be had while anyone waits.
        match self.turn.clone().try_acquire_owned() {
            Ok(turn) => return Ok(turn),
            Err(TryAcquireError::Closed) => return Err(NoTurn::Closed),
            Err(TryAcquireError::NoPermits) => {}
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        match timeout(patience, self.turn.clone().acquire_owned()).await {
            Ok(turn) => turn.map_err(|_| NoTurn::Closed),
            Err(_) => Err(NoTurn::Late),
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Turns away everybody who waits, and who comes later. Who writes goes on.
    pub(super) fn close(&self) {
        self.turn.close();
    }
}

/// Counts itself out.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
