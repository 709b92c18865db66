//! What kysera does, the same on every backend.

mod create;
mod delete;
mod entities;
mod filters;
mod fixture;
mod identifiers;
mod insert_many;
mod no_arrays;
mod order;
mod properties;
mod read;
mod spoilt;
mod storm;
mod text_filters;
pub(crate) mod types_custom;
mod types_dates;
pub(crate) mod types_engine;
mod types_keys;
mod types_misfits;
mod types_scalars;
mod update;
mod update_many;
mod upsert;
mod upsert_many;
mod usage;
mod validation;
mod violations;
