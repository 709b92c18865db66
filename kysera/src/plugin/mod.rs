//! Plugins: what a struct asks for beyond its columns, compiled into its statements.

mod custom;
mod times;
mod tx;

#[doc(hidden)]
pub use custom::{Facts, PluginSet, after_write_of, check, facts_of};
pub use custom::{Phase, Plugin};
pub use times::{DeletedAt, Timestamp, VersionNumber};
#[doc(hidden)]
pub use times::{first_version, stamp};
pub use tx::PluginTx;

pub use crate::entity::{Audited, Changes, Operation, SoftDeleted, Timestamped, Versioned, Written};
pub use crate::expr::{Actor, PluginContext};
