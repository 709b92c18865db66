//! The same on every backend.

mod callers;
mod names;
mod outcomes;
mod secrets;
mod sources;
mod transactions;
mod values;
mod world;
