//! What a service needs around its database.
//!
//! | for | look at |
//! |---|---|
//! | trying again what failed for the moment | [`Retry`], [`RetryBudget`] |
//! | leaving a database alone that is down | [`Breaker`] |
//! | asking how a database is | [`Db::health`](crate::Db::health), [`HealthCheck`], [`HealthMonitor`] |
//!
//! Nothing here is on by itself: a statement is sent once unless you say otherwise.

mod breaker;
mod health;
mod retry;

pub use breaker::{Breaker, State, Trip};
pub use health::{Health, HealthCheck, HealthMonitor, PoolFigures, ReplicaHealth, Status};
pub use retry::{Jitter, Retried, Retry, RetryBudget};
