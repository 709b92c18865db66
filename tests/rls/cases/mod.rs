//! Who may do what, the same on every backend.

mod checks;
mod composition;
mod hunter;
mod hunter_model;
mod hunter_reads;
mod hunter_surface;
mod hunter_writes;
mod originals;
mod rules;
pub mod world;
