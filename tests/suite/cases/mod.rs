//! What kysera does, the same on every backend.

mod fixture;
mod spoilt;
mod usage;
