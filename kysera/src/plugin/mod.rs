//! Plugins: what a struct asks for beyond its columns, compiled into its statements.

#[cfg(feature = "audit")]
pub mod audit;
mod custom;
mod soft_delete;
mod times;
mod timestamps;
mod tx;
mod version;

#[cfg(feature = "audit")]
pub use audit::{AuditEntry, AuditMethods, AuditTable, ChainBreak, ChainReport};
#[doc(hidden)]
pub use custom::{Facts, PluginSet, after_write_of, check, facts_of};
pub use custom::{Phase, Plugin};
pub use times::{DeletedAt, Timestamp, VersionNumber};
#[doc(hidden)]
pub use times::{first_version, stamp};
pub use soft_delete::SoftDeleteMethods;
pub use timestamps::TimestampMethods;
pub use tx::PluginTx;
pub use version::{VersionMethods, VersionOf};

pub use crate::entity::{Audited, Changes, Operation, SoftDeleted, Timestamped, Versioned, Written};
pub use crate::expr::{Actor, PluginContext};
