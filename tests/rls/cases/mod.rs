//! Who may do what, the same on every backend.

mod checks;
mod composition;
mod originals;
mod rules;
pub mod world;
