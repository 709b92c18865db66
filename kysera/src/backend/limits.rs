use std::time::Duration;

/// Limits that the server keeps for each session, so that work that was abandoned ends by itself.
///
/// SQLite has none of them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionLimits {
    /// The longest that a statement may take. Default 30 s. PostgreSQL: `statement_timeout`; MariaDB:
    /// `max_statement_time`; MySQL: `max_execution_time`, which holds for SELECT alone.
    pub statement: Option<Duration>,
    /// PostgreSQL: how long a transaction may sit between two statements
    /// (`idle_in_transaction_session_timeout`). Default 60 s: what holds locks for longer has been forgotten.
    pub idle_in_transaction: Option<Duration>,
    /// PostgreSQL 14 and later: how often a running statement looks whether its client is still there
    /// (`client_connection_check_interval`). Default 2 s: closing a connection then ends what it ran.
    pub connection_check: Option<Duration>,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            statement: Some(Duration::from_secs(30)),
            idle_in_transaction: Some(Duration::from_secs(60)),
            connection_check: Some(Duration::from_secs(2)),
        }
    }
}
