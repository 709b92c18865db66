//! One replica: whether it can be used, and who finds out.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::{Either, select};
use sqlx::Connection;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep, timeout};

use super::cache::no_runtime;
use super::db::Db;
use super::lease::Lease;
use super::policy::ReplicaMetrics;
use super::verdict::Trust;
use crate::backend::{Backend, PgBouncer, Progress, SessionLimits};
use crate::error::{Error, PoolError, Result};

/// How long it may take to find out whether a replica is there.
const PROBE: Duration = Duration::from_secs(2);
/// After so long a caller that waits for a connection has the replica looked at.
const PATIENCE: Duration = Duration::from_secs(1);
/// A lag is measured again after so long, by whoever reads then.
const MEASURE: Duration = Duration::from_secs(1);
/// Between the two looks at a replica that seems to be behind.
const SECOND_LOOK: Duration = Duration::from_millis(20);

/// What is asked of a replica.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// How far it may be behind.
    pub(super) max_lag: Option<Duration>,
    /// For how long it is left alone after a failure.
    pub(super) pause: Duration,
}

/// What is tried before a server is read from.
pub(super) struct Entrance {
    /// A pooler that was named must do what its mode promises.
    pub(super) pooler: Option<PgBouncer>,
    /// One that was not is looked for where sessions are limited.
    pub(super) limits: Option<SessionLimits>,
}

pub(crate) struct Node<DB: Backend> {
    pub(crate) name: String,
    /// The connections of an ordinary pool.
    pub(crate) db: Db<DB>,
    /// When one of them failed last.
    trust: Arc<Trust>,
    terms: Terms,
    entrance: Entrance,
    state: watch::Sender<State>,
    /// When its lag was measured last. Who measures holds it, and others wait for the result.
    measured: Mutex<Option<Instant>>,
    served: AtomicU64,
}

struct State {
    /// Why it is left out, and until when nobody looks.
    down: Option<Down>,
    /// Somebody looks.
    probing: bool,
    /// Failures before this have been looked into.
    checked: std::time::Instant,
    lag: Option<Duration>,
}

struct Down {
    why: String,
    until: Instant,
}

/// What can be done with a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Up,
    /// Something failed, and somebody finds out whether it was the replica or a connection alone.
    Suspect,
    Down,
}

impl State {
    fn standing(&self) -> Standing {
        match (&self.down, self.probing) {
            (Some(_), _) => Standing::Down,
            (None, true) => Standing::Suspect,
            (None, false) => Standing::Up,
        }
    }
}

impl<DB: Backend> Node<DB> {
    pub(super) fn new(name: String, db: Db<DB>, trust: Arc<Trust>, terms: Terms, entrance: Entrance) -> Self {
        let state = State { down: None, probing: false, checked: std::time::Instant::now(), lag: None };
        Self {
            name,
            db,
            trust,
            terms,
            entrance,
            state: watch::Sender::new(state),
            measured: Mutex::new(None),
            served: AtomicU64::new(0),
        }
    }

    /// How it stands, and has somebody look if it is time to.
    pub(crate) fn look(self: &Arc<Self>) -> Standing {
        let (standing, due) = {
            let state = self.state.borrow();
            (state.standing(), self.is_due(&state))
        };
        if due { self.probe_if(|node, state| node.is_due(state)) } else { standing }
    }

    fn is_due(&self, state: &State) -> bool {
        !state.probing
            && match &state.down {
                Some(down) => Instant::now() >= down.until,
                None => self.trust.suspects(state.checked),
            }
    }

    /// Something failed that may be the replica's fault.
    pub(super) fn suspect(self: &Arc<Self>) {
        self.probe_if(|_, state| state.down.is_none() && !state.probing);
    }

    /// At most one at a time, whoever asks for it.
    fn probe_if(self: &Arc<Self>, is_due: impl FnOnce(&Self, &State) -> bool) -> Standing {
        if let Ok(runtime) = Handle::try_current() {
            let begins = self.state.send_if_modified(|state| {
                let due = is_due(self, state);
                state.probing |= due;
                due
            });
            if begins {
                let probe = Probe(self.clone());
                runtime.spawn(probe.run());
            }
        }
        self.state.borrow().standing()
    }

    /// Waits until it is known whether a replica that is suspected can be used.
    pub(super) async fn settled(&self) {
        // The sender is here, so it is not gone.
        let _ = self.state.subscribe().wait_for(|state| state.standing() != Standing::Suspect).await;
    }

    /// On a connection of its own: those of the pool may be taken, or broken.
    async fn check(&self) -> Result<Option<Duration>, String> {
        let options = self.db.pool().connect_options();
        let told = |error: Error| error.to_string();
        if let Some(mode) = self.entrance.pooler {
            DB::try_pooler(&options, mode).await.map_err(told)?;
        }
        let conn = DB::Connection::connect_with(&options).await;
        let mut conn = conn.map_err(|error| told(DB::unconnected(error)))?;
        if let Some(limits) = &self.entrance.limits {
            DB::try_direct(&mut conn, limits).await.map_err(told)?;
        }
        let lag = self.measure(&mut conn).await.map_err(told)?;
        // What was asked is known.
        let _ = conn.close().await;
        self.fits(lag).map(|()| lag)
    }

    fn fits(&self, lag: Option<Duration>) -> Result<(), String> {
        match (self.terms.max_lag, lag) {
            (None, _) => Ok(()),
            (Some(max), Some(lag)) if lag <= max => Ok(()),
            (Some(max), Some(lag)) => Err(format!("{lag:.1?} behind, and {max:?} is the most")),
            (Some(_), None) => Err("does not tell how far it is behind".into()),
        }
    }

    /// How far it is behind, if that is asked for. A primary in its place is not.
    async fn measure(&self, conn: &mut DB::Connection) -> Result<Option<Duration>> {
        let Some(max) = self.terms.max_lag else { return Ok(None) };
        let first = DB::progress(conn).await?;
        let Progress { lag: Some(lag), .. } = first else { return Ok(Some(Duration::ZERO)) };
        if lag.is_some_and(|lag| lag <= max) {
            return Ok(lag);
        }
        // The clock counts the time in which nothing was written as well, if something has just come in. If that has been repeated a
        // moment later, this moment is all that it is behind.
        let since = Instant::now();
        sleep(SECOND_LOOK).await;
        let second = DB::progress(conn).await?;
        if first.heard > 0 && second.position >= first.heard {
            return Ok(Some(since.elapsed()));
        }
        Ok(second.lag.unwrap_or(Some(Duration::ZERO)))
    }

    /// A connection, unless the replica is, or turns out to be, one to leave out.
    pub(crate) async fn lease(self: &Arc<Self>) -> Result<Lease<DB>> {
        if Handle::try_current().is_err() {
            return Err(no_runtime());
        }
        let mut lease = match self.connection().await {
            Ok(lease) => lease,
            Err(error) => {
                if !matches!(error, Error::Pool(PoolError::Closed | PoolError::ShuttingDown)) {
                    self.suspect();
                }
                return Err(error);
            }
        };
        if self.terms.max_lag.is_some() {
            self.keep_up(&mut lease).await?;
        }
        Ok(lease)
    }

    /// From the pool; the wait ends with the replica.
    async fn connection(self: &Arc<Self>) -> Result<Lease<DB>> {
        let lease = async {
            let mut lease = pin!(self.db.lease());
            let mut question = Question { node: self, open: true };
            if let Ok(lease) = timeout(PATIENCE, &mut lease).await {
                question.open = false;
                return lease;
            }
            drop(question);
            lease.await
        };
        let down = async {
            let _ = self.state.subscribe().wait_for(|state| state.down.is_some()).await;
        };
        match select(pin!(lease), pin!(down)).await {
            Either::Left((lease, _)) => lease,
            Either::Right(((), _)) => Err(self.left_out()),
        }
    }

    /// Measures the lag again if that was some time ago.
    async fn keep_up(self: &Arc<Self>, lease: &mut Lease<DB>) -> Result<()> {
        let mut measured = self.measured.lock().await;
        if measured.is_none_or(|at| at.elapsed() >= MEASURE) {
            let lag = match timeout(PROBE, self.measure(lease)).await {
                Ok(lag) => lease.finish(lag),
                Err(_) => Err(Error::other(format!("no answer within {PROBE:?}"))),
            };
            let lag = lag.inspect_err(|_| self.suspect())?;
            *measured = Some(Instant::now());
            match self.fits(lag) {
                Ok(()) => self.state.send_modify(|state| state.lag = lag),
                Err(why) => self.leave_out(why, lag),
            }
        }
        if self.state.borrow().down.is_some() { Err(self.left_out()) } else { Ok(()) }
    }

    /// Asks how far it has come.
    pub(super) async fn progress(self: &Arc<Self>, lease: &mut Lease<DB>) -> Result<u64> {
        let progress = match timeout(PROBE, DB::progress(lease)).await {
            Ok(progress) => lease.finish(progress.map_err(Error::from)),
            Err(_) => Err(Error::other(format!("no answer within {PROBE:?}"))),
        };
        progress.inspect_err(|_| self.suspect()).map(|progress| progress.position)
    }

    fn leave_out(&self, why: String, lag: Option<Duration>) {
        let mut news = false;
        self.state.send_modify(|state| {
            news = state.down.is_none();
            state.lag = lag;
            state.down = Some(Down { why: why.clone(), until: Instant::now() + self.terms.pause });
        });
        if news {
            tracing::event!(
                target: "kysera::replica", tracing::Level::WARN, replica = self.name, why, "a replica is left out"
            );
        }
    }

    fn take_back(&self, checked: std::time::Instant, lag: Option<Duration>) {
        let mut news = false;
        self.state.send_modify(|state| {
            news = state.down.take().is_some();
            state.lag = lag;
            state.checked = checked;
        });
        if news {
            tracing::event!(
                target: "kysera::replica", tracing::Level::INFO, replica = self.name, "a replica is back"
            );
        }
    }

    fn left_out(&self) -> Error {
        Error::Pool(PoolError::NoReplica { why: vec![self.why().unwrap_or_else(|| self.name.clone())] })
    }

    /// With its name.
    pub(super) fn why(&self) -> Option<String> {
        self.state.borrow().down.as_ref().map(|down| format!("{}: {}", self.name, down.why))
    }

    pub(super) fn count_served(&self) {
        self.served.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn metrics(&self) -> ReplicaMetrics {
        let state = self.state.borrow();
        ReplicaMetrics {
            name: self.name.clone(),
            left_out: state.down.as_ref().map(|down| down.why.clone()),
            lag: state.lag,
            served: self.served.load(Ordering::Relaxed),
            pool: self.db.metrics(),
        }
    }
}

/// Whether a replica is there, raised by a caller that waits for long for a connection, or gives up before.
struct Question<'a, DB: Backend> {
    node: &'a Arc<Node<DB>>,
    open: bool,
}

impl<DB: Backend> Drop for Question<'_, DB> {
    fn drop(&mut self) {
        // All connections may be taken, again and again: that is no reason to look all the time.
        if self.open {
            self.node.probe_if(|_, state| {
                state.down.is_none() && !state.probing && state.checked.elapsed() >= PATIENCE
            });
        }
    }
}

/// A look at a replica. If it comes to no end, the next one may begin after the pause.
struct Probe<DB: Backend>(Arc<Node<DB>>);

impl<DB: Backend> Probe<DB> {
    async fn run(self) {
        let node = &self.0;
        // What fails from now on is news.
        let began = std::time::Instant::now();
        let found = timeout(PROBE, node.check()).await;
        let found = found.unwrap_or_else(|_| Err(format!("does not answer within {PROBE:?}")));
        match found {
            Err(why) => node.leave_out(why, None),
            Ok(lag) => {
                *node.measured.lock().await = Some(Instant::now());
                node.take_back(began, lag);
            }
        }
    }
}

impl<DB: Backend> Drop for Probe<DB> {
    fn drop(&mut self) {
        self.0.state.send_modify(|state| state.probing = false);
    }
}
