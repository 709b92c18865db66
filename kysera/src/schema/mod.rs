//! Snapshots of a database's tables: taken from the database, kept in a file, read by the derive.
//!
//! ```text
//! database --capture--> Schema --write--> kysera.schema.json --read by--> #[derive(Repository)]
//!                          ^                       |
//!                          '------- verify --------'
//! ```
//!
//! | for | look at |
//! |---|---|
//! | reading the tables of a database | [`capture`] |
//! | a snapshot in a file | [`Schema::write`], [`Schema::read`] |
//! | what changed | [`Schema::diff`] |
//! | entities for a database that is there already | `generate` (feature `generate`) |
//! | a test that says when the file is out of date | [`schema_test!`](crate::schema_test), [`verify`] |
//!
//! # What the derive makes of it
//!
//! With a file `kysera.schema.json` beside `Cargo.toml` (or `kysera.schema.postgres.json`, `kysera.schema.mysql.json`,
//! `kysera.schema.sqlite.json`, where a program lives on several databases), [`#[derive(Repository)]`](macro@crate::Repository) holds
//! every struct against its table while it compiles, and knows the table's keys. Without one nothing changes. Nothing is asked of
//! a database at that time: the file is part of the source, and is committed.

mod capture;
mod class;
mod diff;
mod file;
#[cfg(feature = "generate")]
mod generate;
mod model;
mod verify;

pub use capture::capture;
pub use class::{TypeClass, UnknownTypeClass};
pub use diff::Difference;
pub use file::SchemaFileError;
#[cfg(feature = "generate")]
pub use generate::{Entities, EntityFile, Options, generate};
pub use model::{
    Action, Check, Column, EnumType, ForeignKey, Generated, Identity, Index, PrimaryKey, Schema,
    SchemaBackend, Table, TableKind, UniqueKey,
};
pub use verify::{Expected, SchemaReport, verify};
#[doc(hidden)]
pub use verify::{WRITE, test};
