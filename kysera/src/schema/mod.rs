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
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> kysera::Result<()> {
//! use kysera::prelude::*;
//! use kysera::schema;
//!
//! const MIGRATION: &str = "CREATE TABLE users (
//!     id INTEGER PRIMARY KEY,
//!     email TEXT NOT NULL CONSTRAINT users_email_key UNIQUE,
//!     age INTEGER CONSTRAINT users_age_check CHECK (age >= 0)
//! )";
//!
//! #[derive(Debug, Repository)]
//! #[kysera(table = "users")]
//! # #[kysera(schema_file = "src/schema/example.json")]
//! struct User {
//!     #[kysera(id)]
//!     id: i64,
//!     email: String,    // `emial`, `Option<String>` or `i64` would not compile
//!     age: Option<i32>, // nor would `i32`, or leaving `email` out
//! }
//!
//! let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
//! db.raw_sql(MIGRATION).await?;
//! let users = User::repo(&db);
//! users.create(NewUser { email: "ada@example.org".into(), age: Some(36) }).await?;
//!
//! // A method for each unique key, from the trait `UserFinders`.
//! assert!(users.find_by_email("ada@example.org").await?.is_some());
//!
//! // A variant for each constraint.
//! let young = users.create(NewUser { email: "bob@example.org".into(), age: Some(-1) }).await.unwrap_err();
//! assert_eq!(young.violated(), Some(UserConstraint::AgeCheck));
//!
//! // Whether the file is still right; `schema_test!` makes a test of it.
//! let file = "kysera.schema.json";
//! # let file = "src/schema/example.json";
//! let report = schema::verify(&db, file).await?;
//! assert!(report.is_current(), "{report}");
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "sqlite"))] fn main() {}
//! ```
//!
//! # Which database to take it from
//!
//! One on which the migrations of the source have run and nothing else: that of a test, as in [`schema_test!`](crate::schema_test). A
//! table that somebody has made by hand on another machine then does not slip into the file.
//!
//! # What is in it
//!
//! Tables and views with their columns, keys, checks and indexes, and enums; no triggers, no grants, no collations. PostgreSQL's types
//! are spelled as `format_type` does, those of MySQL without the widths of integers, so that MariaDB and MySQL 8 write the same file
//! but for the texts of checks and expressions. SQLite's types are what the table declares. An
//! [`EXCLUDE`](crate::error::ViolationKind::Exclusion) constraint is not told.

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
