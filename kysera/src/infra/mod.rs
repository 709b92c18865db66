//! What a service needs around its database.
//!
//! | for | look at |
//! |---|---|
//! | trying again what failed for the moment | [`Retry`], [`RetryBudget`] |
//! | leaving a database alone that is down | [`Breaker`] |
//! | asking how a database is | [`Db::health`](crate::Db::health), [`HealthCheck`], [`HealthMonitor`] |
//! | publishing what the pool does | `PoolGauges` (feature `metrics`) |
//! | ending without losing work | [`Shutdown`] |
//!
//! Nothing here is on by itself: a statement is sent once unless you say otherwise.

mod breaker;
#[cfg(feature = "metrics")]
mod gauges;
mod health;
mod retry;
mod shutdown;

pub use breaker::{Breaker, State, Trip};
#[cfg(feature = "metrics")]
pub use gauges::PoolGauges;
pub use health::{Health, HealthCheck, HealthMonitor, NodeHealth, PoolFigures, ReplicaHealth, Status};
#[cfg(feature = "migrate")]
pub(crate) use retry::random;
pub use retry::{Jitter, Retried, Retry, RetryBudget};
#[cfg(feature = "signal")]
pub use shutdown::signal;
pub use shutdown::{Shutdown, ShutdownReport};
