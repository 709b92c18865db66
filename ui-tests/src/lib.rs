//! Placeholder of the ui-tests package.
