//! What of the public API the [hunter](super::hunter) does not call.

/// Types and methods that the [hunter](super::hunter) does not call, and why not.
pub const EXCEPTIONS: &[(&str, &str)] = &[
    ("Repository::source", "no statement"),
    ("Access", "an answer"),
    ("ChainReport", "an answer"),
    ("KeysetPage", "an answer"),
    ("NativeReport", "an answer"),
    ("Page", "an answer"),
    ("Plan", "an answer"),
    ("PolicyReport", "an answer"),
    ("AuditEntry", "a row"),
    ("Conflict", "part of an upsert"),
    ("Keyset", "part of a query"),
    ("PageRequest", "part of a query"),
    ("QuerySchema", "makes filters, which are asked as all are"),
    ("Rules", "what the rules are made of"),
    ("AuditTable", "the log of all, and its upkeep: for whoever keeps it"),
    ("NativePolicies", "of PostgreSQL itself; they have tests of their own"),
    ("PluginTx", "for plugins, which are part of the program"),
];
