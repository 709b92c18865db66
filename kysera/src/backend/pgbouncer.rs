/// How a [PgBouncer](https://www.pgbouncer.org) is set up that stands before PostgreSQL in transaction mode, where each
/// transaction, and each statement outside of one, may meet another session of the server.
///
/// | | needs | a statement outside of a transaction | prepared statements |
/// |---|---|---|---|
/// | [`Prepared`](Self::Prepared) | PgBouncer 1.21, `max_prepared_statements` above 0 | one round trip, as without | kept, which PgBouncer follows |
/// | [`Legacy`](Self::Legacy) | any PgBouncer | in a transaction of its own, four round trips | none |
///
/// Both: nothing that belongs to a session survives a transaction. [`SessionLimits`](super::SessionLimits) and start-up `options` are not
/// sent; use `ALTER ROLE .. SET statement_timeout = ..`, `SET LOCAL`, `pg_advisory_xact_lock`. A [`Conn`](crate::Conn) keeps its
/// connection to PgBouncer, and a session of the server within a transaction only: no LISTEN, no temporary tables, no session locks.
/// A [deadline](crate::Db::with_deadline) ends the call all the same, but cannot stop the statement on the server: nobody knows which
/// session it is on.
///
/// What you send with sqlx yourself, through [`Tx::connection`](crate::Tx::connection) for instance, is prepared under a name unless it
/// says `.persistent(false)`. With `Legacy` it must say so, and be in a transaction. With `Prepared` it must not say so outside of one.
/// The other way round, one client gets another one's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PgBouncer {
    /// It follows prepared statements: version 1.21 and later with `max_prepared_statements` above 0 (the default is 200 since 1.24, and
    /// 0 before).
    Prepared,
    /// It does not: an older one, or one with `max_prepared_statements = 0`.
    Legacy,
}

impl PgBouncer {
    /// Whether statements are prepared under a name.
    pub(crate) const fn names_statements(self) -> bool {
        matches!(self, PgBouncer::Prepared)
    }

    /// Whether each statement needs a transaction.
    pub(crate) const fn needs_transactions(self) -> bool {
        matches!(self, PgBouncer::Legacy)
    }
}
