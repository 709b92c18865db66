//! The audit log.

pub(crate) mod chain;
mod entry;
mod methods;
mod table;

pub use entry::AuditEntry;
pub use methods::AuditMethods;
pub use table::AuditTable;
