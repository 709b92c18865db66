//! What most programs use: `use kysera::prelude::*;`

#[cfg(feature = "mysql")]
pub use crate::MySql;
#[cfg(feature = "postgres")]
pub use crate::Postgres;
#[cfg(feature = "sqlite")]
pub use crate::Sqlite;
pub use crate::cursor::Cursor;
pub use crate::entity::{Entity, Validate};
pub use crate::error::{Constraint, Invalid};
pub use crate::expr::{Filter, IntoColumn};
pub use crate::page::{Keyset, KeysetPage, Page, PageRequest};
#[cfg(feature = "audit")]
pub use crate::plugin::AuditMethods;
pub use crate::plugin::{SoftDeleteMethods, TimestampMethods, VersionMethods};
pub use crate::query::Projection;
/// The trait of repositories, and the derive that makes a struct an entity.
pub use crate::repository::Repository;
pub use crate::rls::PolicyMethods;
pub use crate::source::{Db, InTransaction, Source, Transact, Writable};
/// The trait of factories, and the derive that makes one.
#[cfg(feature = "testing")]
pub use crate::testing::Factory;
#[cfg(feature = "testing")]
pub use kysera_macros::Factory;
pub use kysera_macros::{Projection, Repository};
