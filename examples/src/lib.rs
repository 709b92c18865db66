//! Programs that show kysera at work. Each is run from the root of the workspace:
//!
//! * `cargo run --example quickstart`: the world's time zones, loaded from the table that the IANA publishes.
