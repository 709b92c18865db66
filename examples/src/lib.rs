//! Placeholder of the examples package.
