//! Typed repositories on [sqlx](https://docs.rs/sqlx).
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(not(any(feature = "postgres", feature = "mysql", feature = "sqlite")))]
compile_error!(
    "kysera needs a database: switch on at least one of its features `postgres`, `mysql` and `sqlite`, \
     as in `kysera = { version = \"0.1\", features = [\"sqlite\"] }`"
);

pub mod backend;
pub mod entity;
pub mod error;
pub mod expr;
pub mod prelude;
pub mod query;
pub mod repository;
pub mod source;

#[doc(hidden)]
#[path = "private/mod.rs"]
pub mod __private;

pub use backend::{Backend, Isolation};
pub use entity::{Entity, Validate};
pub use error::{Error, ErrorCode, Result};
pub use expr::{Column, Filter, IntoColumn};
pub use kysera_macros::{Repository, plugin};
pub use repository::{Conflict, Repository};
pub use source::{Borrowed, Conn, Db, ReadOnly, Replica, Source, System, Transact, Tx, Writable, on};
#[cfg(feature = "mysql")]
pub use sqlx::MySql;
#[cfg(feature = "postgres")]
pub use sqlx::Postgres;
#[cfg(feature = "sqlite")]
pub use sqlx::Sqlite;
