//! Who may do what, the same on every backend.

mod checks;
mod crowd;
mod found;
mod hunter;
mod hunter_model;
mod hunter_reads;
mod hunter_surface;
mod hunter_writes;
mod paths;
mod races;
mod rules;
pub mod world;
