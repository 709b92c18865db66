//! The replicas of a database, and which of them serves next.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use super::db::Db;
use super::lease::Lease;
use super::node::{Node, Standing};
use super::policy::ReplicaMetrics;
use crate::backend::Backend;
use crate::error::{Error, PoolError, Result};

/// Between the first two looks at replicas that are behind; twice as long each time after that.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

pub(crate) struct Replicas<DB: Backend> {
    nodes: Vec<Arc<Node<DB>>>,
    next: AtomicUsize,
    /// Whether the primary is read where no replica can be.
    fall_back: bool,
    /// How long replicas have to come to a position.
    wait: Duration,
}

/// Who is next.
enum Next {
    Use(usize),
    /// There is nobody, but this one may turn out to be fit.
    Wait(usize),
    Nobody,
}

/// The replicas that a read has been at, and why they did not serve.
type Tried = Vec<(usize, String)>;

impl<DB: Backend> Replicas<DB> {
    pub(super) fn none() -> Self {
        Self::new(Vec::new(), true, Duration::ZERO)
    }

    pub(super) fn new(nodes: Vec<Arc<Node<DB>>>, fall_back: bool, wait: Duration) -> Self {
        Self { nodes, next: AtomicUsize::new(0), fall_back, wait }
    }

    /// A connection of a replica, or of the primary where that may be asked instead. `position`: only of one that has come so far.
    pub(super) async fn lease<C>(&self, primary: &Db<DB, C>, position: Option<u64>) -> Result<Lease<DB>>
    where
        C: Send + Sync + 'static,
    {
        if self.nodes.is_empty() {
            return primary.lease().await;
        }
        let found = match position {
            None => self.any().await?,
            Some(position) => self.at_least(position).await?,
        };
        match found {
            Ok(lease) => Ok(lease),
            Err(_) if self.fall_back => primary.lease().await,
            Err(why) => Err(Error::Pool(why)),
        }
    }

    /// Of the next one that can be used.
    async fn any(&self) -> Result<Result<Lease<DB>, PoolError>> {
        let mut tried = Tried::new();
        while let Some(at) = self.next(&tried).await {
            match self.nodes[at].lease().await {
                Ok(lease) => return Ok(Ok(self.serve(at, lease))),
                Err(error) => tried.push((at, go_on(error)?)),
            }
        }
        Ok(Err(self.nobody(tried)))
    }

    /// Asks them all again and again until one has come so far, or the time is over.
    async fn at_least(&self, position: u64) -> Result<Result<Lease<DB>, PoolError>> {
        let begun = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let mut tried = Tried::new();
            let mut behind = false;
            while let Some(at) = self.next(&tried).await {
                let node = &self.nodes[at];
                match node.lease().await {
                    Err(error) => tried.push((at, go_on(error)?)),
                    Ok(mut lease) => match node.progress(&mut lease).await {
                        Ok(there) if there >= position => return Ok(Ok(self.serve(at, lease))),
                        Ok(_) => {
                            behind = true;
                            tried.push((at, "behind".into()));
                        }
                        Err(error) => tried.push((at, error.to_string())),
                    },
                }
            }
            if !behind {
                return Ok(Err(self.nobody(tried)));
            }
            let left = self.wait.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Ok(Err(PoolError::Behind { replicas: self.nodes.len(), waited: self.wait }));
            }
            sleep(pause.min(left)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn next(&self, tried: &Tried) -> Option<usize> {
        // Each is waited for once: one that fails all the time is not to be waited for for ever.
        for _ in 0..=self.nodes.len() {
            match self.choose(tried) {
                Next::Use(at) => return Some(at),
                Next::Wait(at) if !self.fall_back => self.nodes[at].settled().await,
                Next::Wait(_) | Next::Nobody => break,
            }
        }
        None
    }

    /// In turn, among those that can be used and have not been tried.
    fn choose(&self, tried: &Tried) -> Next {
        let mut fit = Vec::with_capacity(self.nodes.len());
        let mut suspect = None;
        for (at, node) in self.nodes.iter().enumerate() {
            let standing = node.look();
            if tried.iter().any(|(known, _)| *known == at) {
                continue;
            }
            match standing {
                Standing::Up => fit.push(at),
                Standing::Suspect => suspect = Some(at),
                Standing::Down => {}
            }
        }
        if fit.is_empty() {
            return suspect.map_or(Next::Nobody, Next::Wait);
        }
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % fit.len();
        Next::Use(fit[turn])
    }

    fn serve(&self, at: usize, lease: Lease<DB>) -> Lease<DB> {
        self.nodes[at].count_served();
        lease
    }

    fn nobody(&self, tried: Tried) -> PoolError {
        let why = self.nodes.iter().enumerate().map(|(at, node)| {
            node.why().unwrap_or_else(|| {
                let error = tried.iter().find(|(known, _)| *known == at);
                format!("{}: {}", node.name, error.map_or("just failed", |(_, error)| error))
            })
        });
        PoolError::NoReplica { why: why.collect() }
    }

    pub(super) fn metrics(&self) -> Vec<ReplicaMetrics> {
        self.nodes.iter().map(|node| node.metrics()).collect()
    }

    pub(super) fn nodes(&self) -> &[Arc<Node<DB>>] {
        &self.nodes
    }

    pub(super) fn begin_shutdown(&self) {
        for node in &self.nodes {
            node.db.begin_shutdown();
        }
    }

    pub(super) async fn close(&self) {
        join_all(self.nodes.iter().map(|node| node.db.close())).await;
    }
}

/// Why to go on to the next one, if that is what to do: not where the others would say the same, or where all connections of a replica
/// that answers are taken, for which it was waited long enough.
fn go_on(error: Error) -> Result<String> {
    match error {
        Error::BadRequest(_)
        | Error::Pool(PoolError::Closed | PoolError::ShuttingDown | PoolError::TimedOut { .. }) => Err(error),
        error => Ok(error.to_string()),
    }
}
