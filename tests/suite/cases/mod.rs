//! What kysera does, the same on every backend.

mod fixture;
pub(crate) mod types_custom;
mod types_dates;
pub(crate) mod types_engine;
mod types_keys;
mod types_misfits;
mod types_scalars;
