//! The audit log.

pub(crate) mod chain;
mod entry;
mod methods;
mod past;
mod restore;
mod table;
mod values;

pub use entry::AuditEntry;
pub use methods::AuditMethods;
pub use table::AuditTable;
