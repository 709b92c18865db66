//! The same on every backend.

mod capture;
mod differences;
mod files;
pub mod shop;
