//! What kysera does, the same on every backend.

mod create;
mod delete;
mod entities;
mod fixture;
mod insert_many;
mod read;
mod spoilt;
mod update;
mod update_many;
mod upsert;
mod upsert_many;
mod usage;
