//! The same on every backend.

mod callers;
mod loops;
mod metered;
mod names;
mod outcomes;
mod secrets;
mod sent;
mod sources;
mod traced;
mod transactions;
mod values;
pub mod world;
