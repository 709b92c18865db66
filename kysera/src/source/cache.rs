//! The cache of checked-out connections behind [`Db`](super::Db): a stack of connections, a queue of callers, and
//! the tasks that ask sqlx for more.
//!
//! A caller never touches sqlx's pool: it takes a connection from the stack, or joins the queue and has a task grow the
//! stack. Dropping the caller therefore wastes no half-made connection and loses no permit. Nobody can barge in: while
//! anyone waits the stack is empty.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::{Connection, Pool};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::interrupting::Side;
use super::lease::{Lease, Slot};
use super::policy::{Metrics, Policy};
use super::replicas::Replicas;
use super::verdict::Trust;
use super::writers::{NoTurn, Turn, Writers};
use crate::backend::{Backend, Interrupt};
use crate::error::{Error, PoolError, Result};

/// How long a ping of a suspect connection may take.
pub(crate) const PING: Duration = Duration::from_secs(1);

/// A connection that is checked out of sqlx's pool.
pub(crate) struct Held<DB: Backend> {
    pub(crate) conn: PoolConnection<DB>,
    taken: Instant,
    pub(crate) used: Instant,
    /// The runtime that the connection belongs to: leases may be dropped on any thread.
    pub(crate) runtime: Handle,
    /// How to stop what runs on it; asked for once somebody has a deadline.
    pub(crate) interrupt: Option<Interrupt>,
    /// Given up when the connection is clean again, which is when the database lets others write.
    pub(super) turn: Option<Turn>,
}

type Answer<DB> = Result<Lease<DB>>;

struct Waiter<DB: Backend> {
    id: u64,
    answer: oneshot::Sender<Answer<DB>>,
}

struct State<DB: Backend> {
    idle: Vec<Held<DB>>,
    /// First come, first served; ids ascend.
    waiters: VecDeque<Waiter<DB>>,
    next_waiter: u64,
    /// Tasks that ask sqlx for a connection.
    growing: usize,
    /// Connections that are out of sqlx's pool because of us.
    held: usize,
    janitor: bool,
    closed: bool,
    /// Closed for good, with the program.
    shutting_down: bool,
    /// Where tasks are spawned: the runtime of whoever waited last.
    runtime: Option<Handle>,
}

pub(crate) struct Shared<DB: Backend> {
    pub(crate) pool: Pool<DB>,
    pub(crate) policy: Policy,
    pub(crate) trust: Arc<Trust>,
    /// `None`: without end, because the database would be gone with its connection.
    pub(crate) recover: Option<Duration>,
    state: Mutex<State<DB>>,
    /// Where one connection writes at a time.
    writers: Option<Writers>,
    /// Whose pools are their own.
    pub(crate) replicas: Replicas<DB>,
    pub(crate) recovered: AtomicU64,
    pub(crate) closed: AtomicU64,
    pub(super) stopped: AtomicU64,
    pub(super) side: Side<DB>,
    turned: AtomicU64,
    /// Transactions that are open.
    pub(crate) transactions: AtomicUsize,
}

impl<DB: Backend> State<DB> {
    /// Why there are no connections any more.
    fn refusal(&self) -> Error {
        Error::Pool(if self.shutting_down { PoolError::ShuttingDown } else { PoolError::Closed })
    }
}

impl<DB: Backend> Shared<DB> {
    pub(crate) fn new(pool: Pool<DB>, policy: Policy, trust: Arc<Trust>, replicas: Replicas<DB>) -> Self {
        let in_memory = DB::in_memory(&pool.connect_options());
        Self {
            pool,
            recover: (!in_memory).then_some(policy.recover),
            policy,
            trust,
            // In memory there is one connection, which everybody queues up for.
            writers: (DB::ONE_WRITER && !in_memory).then(Writers::new),
            state: Mutex::new(State {
                idle: Vec::new(),
                waiters: VecDeque::new(),
                next_waiter: 0,
                growing: 0,
                held: 0,
                janitor: false,
                closed: false,
                shutting_down: false,
                runtime: None,
            }),
            replicas,
            recovered: AtomicU64::new(0),
            closed: AtomicU64::new(0),
            stopped: AtomicU64::new(0),
            side: Side::new(),
            turned: AtomicU64::new(0),
            transactions: AtomicUsize::new(0),
        }
    }

    /// Nothing in here panics with the lock held, and every change is complete before the next step.
    fn state(&self) -> MutexGuard<'_, State<DB>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn max(&self) -> usize {
        self.pool.options().get_max_connections() as usize
    }

    pub(crate) fn metrics(&self) -> Metrics {
        let state = self.state();
        Metrics {
            size: self.pool.size(),
            max: self.pool.options().get_max_connections(),
            held: state.held,
            idle: state.idle.len(),
            waiters: state.waiters.len() + self.writers.as_ref().map_or(0, Writers::waiting),
            transactions: self.transactions.load(Ordering::Relaxed),
            recovered: self.recovered.load(Ordering::Relaxed),
            closed: self.closed.load(Ordering::Relaxed),
            stopped: self.stopped.load(Ordering::Relaxed),
            turned: self.turned.load(Ordering::Relaxed),
        }
    }

    pub(crate) async fn acquire(self: &Arc<Self>) -> Result<Lease<DB>> {
        if let Some(held) = self.hot() {
            return Ok(Lease::new(self.clone(), held));
        }
        let Ok(runtime) = Handle::try_current() else {
            return Err(no_runtime());
        };
        timeout(self.policy.acquire, self.wait(&runtime)).await.unwrap_or_else(|_| {
            let metrics = self.metrics();
            Err(Error::Pool(PoolError::TimedOut {
                after: self.policy.acquire,
                size: metrics.size,
                max: metrics.max,
                waiters: metrics.waiters,
            }))
        })
    }

    /// Whether connections that write take turns.
    pub(super) fn writers_queue(&self) -> bool {
        self.writers.is_some()
    }

    /// Waits for the turn to write, where there are turns.
    pub(super) async fn turn(&self) -> Result<Option<Turn>> {
        let Some(writers) = &self.writers else { return Ok(None) };
        if Handle::try_current().is_err() {
            return Err(no_runtime());
        }
        let turn = writers.turn(self.policy.acquire).await;
        turn.map(Some).map_err(|why| match why {
            NoTurn::Late => Error::Pool(PoolError::NoTurn { after: self.policy.acquire }),
            NoTurn::Closed => self.state().refusal(),
        })
    }

    /// The connection on top of the stack. If that is under suspicion, so are those below, which were used earlier: all
    /// are tested at once, and not at the expense of a caller, who would meet one dead connection after the other.
    fn hot(self: &Arc<Self>) -> Option<Held<DB>> {
        let suspects = {
            let mut state = self.state();
            let held = state.idle.pop()?;
            if !self.trust.suspects(held.used) {
                return Some(held);
            }
            state.idle.push(held);
            std::mem::take(&mut state.idle)
        };
        for held in suspects {
            self.test(held);
        }
        None
    }

    async fn wait(self: &Arc<Self>, runtime: &Handle) -> Result<Lease<DB>> {
        loop {
            let lease = self.queue(runtime).await?;
            if !self.trust.suspects(lease.used()) {
                return Ok(lease);
            }
            if let Some(held) = lease.into_held() {
                self.test(held);
            }
        }
    }

    async fn queue(self: &Arc<Self>, runtime: &Handle) -> Result<Lease<DB>> {
        let (sender, receiver) = oneshot::channel();
        let _waiting = {
            let mut state = self.state();
            if state.closed || self.pool.is_closed() {
                return Err(state.refusal());
            }
            state.runtime = Some(runtime.clone());
            if let Some(held) = state.idle.pop() {
                drop(state);
                return Ok(Lease::new(self.clone(), held));
            }
            let id = state.next_waiter;
            state.next_waiter += 1;
            state.waiters.push_back(Waiter { id, answer: sender });
            Waiting { shared: self, id }
        };
        self.grow();
        match receiver.await {
            Ok(answer) => answer,
            Err(_) => Err(self.state().refusal()),
        }
    }

    /// Pings a connection in a task of its own, within a bound, and closes it if it does not answer.
    fn test(self: &Arc<Self>, held: Held<DB>) {
        let runtime = held.runtime.clone();
        let slot = Slot::new(self.clone(), held);
        runtime.spawn(async move { slot.test().await });
    }

    /// A connection has answered.
    pub(super) fn tested(self: &Arc<Self>, mut held: Held<DB>) {
        held.used = Instant::now();
        self.deposit(held);
    }

    /// Asks sqlx for more connections, one per waiter at most and never more than there may be.
    pub(crate) fn grow(self: &Arc<Self>) {
        let (runtime, tasks) = {
            let mut state = self.state();
            let Some(runtime) = state.runtime.clone() else { return };
            let wanted = state.waiters.len().saturating_sub(state.growing);
            let allowed = self.max().saturating_sub(state.held + state.growing);
            let tasks = wanted.min(allowed);
            state.growing += tasks;
            (runtime, tasks)
        };
        for _ in 0..tasks {
            // Outside the lock: a runtime that is shutting down drops the task right here.
            let growth = Growth(self.clone());
            let owner = runtime.clone();
            runtime.spawn(async move { growth.run(owner).await });
        }
    }

    /// A clean connection goes to whoever waits longest, or onto the stack.
    fn deposit(self: &Arc<Self>, mut held: Held<DB>) {
        let mut state = self.state();
        if state.closed {
            drop(state);
            return self.give_back(held);
        }
        while let Some(waiter) = state.waiters.pop_front() {
            match waiter.answer.send(Ok(Lease::new(self.clone(), held))) {
                Ok(()) => return,
                Err(Ok(lease)) => match lease.into_held() {
                    Some(back) => held = back,
                    None => return,
                },
                Err(Err(_)) => return,
            }
        }
        let runtime = held.runtime.clone();
        state.idle.push(held);
        let hire = !state.janitor;
        state.janitor = true;
        drop(state);
        if hire {
            let janitor = Janitor { shared: Arc::downgrade(self), on_duty: true };
            let period = self.policy.idle / 2;
            runtime.spawn(async move { janitor.run(period).await });
        }
    }

    /// Takes back a connection that is clean.
    pub(crate) fn release(self: &Arc<Self>, mut held: Held<DB>) {
        let now = Instant::now();
        let age = now - held.taken;
        held.used = now;
        held.turn = None;
        let exhausted =
            || self.pool.num_idle() == 0 && self.pool.size() >= self.pool.options().get_max_connections();
        if self.pool.is_closed() {
            self.give_back(held);
        } else if age > self.policy.hold || (age > self.policy.turn && exhausted()) {
            self.turned.fetch_add(1, Ordering::Relaxed);
            self.give_back(held);
            self.grow(); // queues up behind the others
        } else {
            self.deposit(held);
        }
    }

    /// Back into sqlx's pool, which pings it once more, off everybody's path. Left to itself it would wait for the answer
    /// for as long as the operating system does, and without its permit nobody could have another connection instead.
    fn give_back(self: &Arc<Self>, held: Held<DB>) {
        self.state().held -= 1;
        let Held { mut conn, runtime, .. } = held;
        let back = conn.return_to_pool();
        {
            let _entered = runtime.enter(); // sqlx spawns if it keeps a minimum
            drop(conn);
        }
        let shared = self.clone();
        runtime.spawn(async move {
            // A database in memory does not die, and must not be closed because a machine is slow.
            if shared.recover.is_none() {
                back.await;
            } else if timeout(PING, back).await.is_err() {
                shared.closed.fetch_add(1, Ordering::Relaxed);
                shared.trust.spoil();
            }
        });
    }

    /// Out of sqlx's pool for good; the permit is free at once.
    pub(crate) fn detach(self: &Arc<Self>, held: Held<DB>) -> DB::Connection {
        let Held { conn, runtime, .. } = held;
        let raw = {
            let _entered = runtime.enter(); // sqlx spawns if it keeps a minimum
            conn.detach()
        };
        self.state().held -= 1;
        self.grow();
        raw
    }

    /// Closes the socket without a word, because no answer can be waited for.
    pub(crate) fn close_held(self: &Arc<Self>, held: Held<DB>) {
        self.closed.fetch_add(1, Ordering::Relaxed);
        drop(self.detach(held));
    }

    /// The same, and the server ends what still runs there.
    pub(crate) fn close_session(self: &Arc<Self>, held: Held<DB>, session: i64) {
        let runtime = held.runtime.clone();
        self.closed.fetch_add(1, Ordering::Relaxed);
        let conn = self.detach(held);
        let shared = self.clone();
        runtime.spawn(async move {
            shared.stop_session(session).await;
            drop(conn); // not before, or the number might be another's by then
        });
    }

    /// Whoever asks from now on, or waits, is told that the program ends.
    pub(crate) fn begin_shutdown(self: &Arc<Self>) {
        self.state().shutting_down = true;
        self.stop();
    }

    pub(crate) fn is_shutting_down(&self) -> bool {
        self.state().shutting_down
    }

    pub(crate) async fn close(self: &Arc<Self>) {
        let closing = self.pool.close(); // from here on what comes back is closed without a ping
        self.stop();
        closing.await;
    }

    /// Lends no connection any more.
    fn stop(self: &Arc<Self>) {
        let (idle, waiters) = {
            let mut state = self.state();
            state.closed = true;
            (std::mem::take(&mut state.idle), std::mem::take(&mut state.waiters))
        };
        if let Some(writers) = &self.writers {
            writers.close();
        }
        for held in idle {
            self.give_back(held);
        }
        drop(waiters); // who waits is told why
    }
}

impl<DB: Backend> Drop for Shared<DB> {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let bounded = self.recover.is_some();
        for Held { mut conn, runtime, .. } in state.idle.drain(..) {
            let back = conn.return_to_pool();
            let _entered = runtime.enter(); // sqlx spawns if it keeps a minimum
            drop(conn);
            runtime.spawn(async move { if bounded { drop(timeout(PING, back).await) } else { back.await } });
        }
    }
}

/// Leaves the queue when its caller does.
struct Waiting<'a, DB: Backend> {
    shared: &'a Arc<Shared<DB>>,
    id: u64,
}

impl<DB: Backend> Drop for Waiting<'_, DB> {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        if let Ok(at) = state.waiters.binary_search_by_key(&self.id, |waiter| waiter.id) {
            state.waiters.remove(at);
        }
    }
}

/// One request to sqlx for a connection. Runs to its end whatever becomes of the caller that wanted it.
struct Growth<DB: Backend>(Arc<Shared<DB>>);

impl<DB: Backend> Growth<DB> {
    async fn run(self, runtime: Handle) {
        let shared = self.0.clone();
        let answer = shared.pool.acquire().await;
        match answer {
            Ok(conn) => {
                let now = Instant::now();
                {
                    let mut state = shared.state();
                    state.held += 1;
                }
                drop(self);
                shared.deposit(Held { conn, taken: now, used: now, runtime, interrupt: None, turn: None });
            }
            Err(error) => {
                drop(self);
                // Whoever waits has a clock of its own, which may have started later.
                if !matches!(error, sqlx::Error::PoolTimedOut) {
                    shared.refuse(error);
                }
            }
        }
        shared.grow();
    }
}

impl<DB: Backend> Drop for Growth<DB> {
    fn drop(&mut self) {
        self.0.state().growing -= 1;
    }
}

impl<DB: Backend> Shared<DB> {
    /// Tells the first who still listens; the next one tries again.
    fn refuse(&self, error: sqlx::Error) {
        let mut state = self.state();
        let mut error = match error {
            sqlx::Error::PoolClosed => state.refusal(),
            error => error.into(),
        };
        while let Some(waiter) = state.waiters.pop_front() {
            match waiter.answer.send(Err(error)) {
                Ok(()) | Err(Ok(_)) => return,
                Err(Err(back)) => error = back,
            }
        }
    }
}

/// Returns to sqlx what nobody used for a while; goes when nothing is left.
struct Janitor<DB: Backend> {
    shared: Weak<Shared<DB>>,
    on_duty: bool,
}

impl<DB: Backend> Janitor<DB> {
    async fn run(mut self, period: Duration) {
        loop {
            tokio::time::sleep(period.max(Duration::from_millis(1))).await;
            let Some(shared) = self.shared.upgrade() else { return };
            let (cold, done) = {
                let mut state = shared.state();
                let now = Instant::now();
                // The stack's bottom is its coldest part.
                let keep = state
                    .idle
                    .iter()
                    .position(|held| now.saturating_duration_since(held.used) < shared.policy.idle)
                    .unwrap_or(state.idle.len());
                let cold: Vec<_> = state.idle.drain(..keep).collect();
                let done = state.idle.is_empty();
                state.janitor = !done;
                (cold, done)
            };
            for held in cold {
                shared.give_back(held);
            }
            if done {
                self.on_duty = false; // the next one may have been hired already
                return;
            }
        }
    }
}

impl<DB: Backend> Drop for Janitor<DB> {
    /// Its runtime is gone: the next deposit hires another one.
    fn drop(&mut self) {
        if self.on_duty
            && let Some(shared) = self.shared.upgrade()
        {
            shared.state().janitor = false;
        }
    }
}

pub(crate) fn no_runtime() -> Error {
    Error::BadRequest("`Db` works within a tokio runtime, and there is none here".into())
}

/// Pings within a bound.
pub(crate) async fn is_alive<DB: Backend>(conn: &mut DB::Connection) -> bool {
    matches!(timeout(PING, conn.ping()).await, Ok(Ok(())))
}
