//! The same on every backend.

mod capture;
mod crud;
mod differences;
mod files;
mod generate;
pub mod shop;
