//! What a service needs around its database.
//!
//! | for | look at |
//! |---|---|
//! | trying again what failed for the moment | [`Retry`], [`RetryBudget`] |
//!
//! Nothing here is on by itself: a statement is sent once unless you say otherwise.

mod retry;

pub use retry::{Jitter, Retried, Retry, RetryBudget};
