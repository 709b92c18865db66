//! Who may do what, the same on every backend.

mod checks;
mod composition;
mod fields;
mod fields_written;
mod hierarchies;
mod originals;
mod relations;
mod rules;
pub mod staff;
pub mod world;
