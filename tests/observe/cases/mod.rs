//! The same on every backend.

mod callers;
mod names;
mod outcomes;
mod secrets;
mod sent;
mod sources;
mod transactions;
mod values;
mod world;
