use super::ErrorCode;

/// The audit log cannot give what was asked of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The entry says that a row was created: there was nothing before it.
    #[error(
        "the entry says that the {entity} was created, so there is nothing to put back: delete the row instead"
    )]
    Created {
        /// The Rust name of the entity.
        entity: &'static str,
    },
    /// The entry does not say what the row was.
    #[error("the entry has no old values of the {entity}")]
    NoValues {
        /// The Rust name of the entity.
        entity: &'static str,
    },
    /// The log does not reach back that far.
    #[error(
        "what the {entity} was at that time is not known: its first entry in the log is later, and says that it was there"
    )]
    TooEarly {
        /// The Rust name of the entity.
        entity: &'static str,
    },
    /// Entries would be pruned that are of a chain.
    #[error("the audit table `{table}` has a chain: prune it with `AuditTable::chained`")]
    Chained {
        /// The name of the audit table.
        table: String,
    },
    /// A value is needed that is not written down.
    #[error(
        "`{column}` of {entity} is `sensitive`, so the log does not have it, and a row cannot do without it: the other values \
         are in the entry"
    )]
    Sensitive {
        /// The Rust name of the entity.
        entity: &'static str,
        /// The column's name in the database.
        column: &'static str,
    },
    /// The entry is older than a column that a row cannot do without.
    #[error(
        "the entry has no value for `{column}` of {entity}, which a row cannot do without: the column is newer"
    )]
    NoColumn {
        /// The Rust name of the entity.
        entity: &'static str,
        /// The column's name in the database.
        column: &'static str,
    },
    /// What is written down for a column is no value of its type.
    #[error("what the log has for `{column}` of {entity} is no value of the column's type")]
    Misfit {
        /// The Rust name of the entity.
        entity: &'static str,
        /// The column's name in the database.
        column: &'static str,
    },
    /// What is written down of a row is no JSON object.
    #[error("what the log has of the {entity} is no JSON object: the entry was not written by kysera")]
    Malformed {
        /// The Rust name of the entity.
        entity: &'static str,
    },
    /// The log has no chain, or its head is missing.
    #[error(
        "the chain of the audit table `{table}` has no head: create its tables with `AuditTable::chained`"
    )]
    NoChain {
        /// The name of the audit table.
        table: String,
    },
    /// The chain does not hold, so that nothing may be pruned: that would cover it up.
    #[error(
        "the chain of the audit table `{table}` is broken, and pruning would cover that up: see `verify_chain`"
    )]
    Broken {
        /// The name of the audit table.
        table: String,
    },
}

impl AuditError {
    pub(super) fn code(&self) -> ErrorCode {
        match self {
            Self::Created { .. } | Self::NoChain { .. } | Self::Chained { .. } => ErrorCode::BadRequest,
            Self::NoValues { .. }
            | Self::TooEarly { .. }
            | Self::Sensitive { .. }
            | Self::NoColumn { .. }
            | Self::Misfit { .. }
            | Self::Malformed { .. }
            | Self::Broken { .. } => ErrorCode::Conflict,
        }
    }

    pub(super) fn entity(&self) -> Option<&'static str> {
        match self {
            Self::Created { entity }
            | Self::NoValues { entity }
            | Self::TooEarly { entity }
            | Self::Sensitive { entity, .. }
            | Self::NoColumn { entity, .. }
            | Self::Misfit { entity, .. }
            | Self::Malformed { entity } => Some(entity),
            Self::NoChain { .. } | Self::Chained { .. } | Self::Broken { .. } => None,
        }
    }

    pub(super) fn column(&self) -> Option<&'static str> {
        match self {
            Self::Sensitive { column, .. } | Self::NoColumn { column, .. } | Self::Misfit { column, .. } => {
                Some(column)
            }
            _ => None,
        }
    }
}
