//! What kysera does, the same on every backend.

mod create;
mod entities;
mod fixture;
mod insert_many;
mod read;
