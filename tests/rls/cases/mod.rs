//! Who may do what, the same on every backend.

mod checks;
mod paths;
mod rules;
pub mod world;
