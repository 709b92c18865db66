//! Who may do what, the same on every backend.

mod checks;
mod fields;
mod fields_written;
mod paths;
mod rules;
pub mod staff;
pub mod world;
