//! Who may do what, the same on every backend.

mod barriers;
mod checks;
mod composition;
mod crowd;
mod events;
mod fields;
mod fields_written;
mod found;
mod hierarchies;
mod hunter;
mod hunter_model;
mod hunter_reads;
mod hunter_surface;
mod hunter_writes;
mod originals;
mod races;
mod races_unlocked;
mod relations;
mod rules;
pub mod staff;
pub mod world;
