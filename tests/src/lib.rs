//! Placeholder of the tests package.
