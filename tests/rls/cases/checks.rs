//! What rows may become.
