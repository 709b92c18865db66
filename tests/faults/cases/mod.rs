//! The same on every backend.
