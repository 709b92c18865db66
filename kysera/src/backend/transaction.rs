/// How a transaction begins.
///
/// | | PostgreSQL | MySQL, MariaDB | SQLite |
/// |---|---|---|---|
/// | default | `BEGIN` | `START TRANSACTION` | `BEGIN IMMEDIATE` |
/// | `isolation` | `BEGIN ISOLATION LEVEL ..` | `SET TRANSACTION ISOLATION LEVEL ..` in front, same round trip | ignored: always serializable |
/// | `read_only` | `READ ONLY`, enforced by the server | `READ ONLY`, enforced by the server | `BEGIN DEFERRED` |
/// | `deferrable` | `DEFERRABLE` | ignored: reading a snapshot cannot fail | ignored: reading a snapshot cannot fail |
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TxOptions {
    /// `None` is the database's default: read committed on PostgreSQL, repeatable read on MySQL.
    pub isolation: Option<Isolation>,
    /// Nothing will be written. On SQLite a transaction that may write takes the write lock at once
    /// (`BEGIN IMMEDIATE`), because one that begins as a reader and turns writer later can fail there at any
    /// statement, whatever the busy timeout; one that only reads takes no lock.
    pub read_only: bool,
    /// PostgreSQL: wait for a snapshot that cannot fail (needs serializable and read only).
    pub deferrable: bool,
}

/// The isolation level of a transaction.
///
/// SQLite knows the strictest alone, and gives it whatever is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Isolation {
    /// Each statement sees what was committed before it began.
    ReadCommitted,
    /// All statements see one snapshot.
    RepeatableRead,
    /// As if transactions ran one after the other.
    Serializable,
}

impl Isolation {
    #[allow(dead_code, reason = "used by the drivers that are switched on")]
    pub(super) const fn sql(self) -> &'static str {
        match self {
            Isolation::ReadCommitted => "READ COMMITTED",
            Isolation::RepeatableRead => "REPEATABLE READ",
            Isolation::Serializable => "SERIALIZABLE",
        }
    }
}

/// What an error of the server leaves of the transaction that it happened in.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aftermath {
    /// The statement alone was undone.
    Unharmed,
    /// Everything is refused until the transaction, or a savepoint before the error, is rolled back.
    Aborted,
    /// The server rolled the whole transaction back. Further statements would commit one by one.
    Gone,
    /// The error does not tell; see [`Backend::probe`](super::Backend::probe).
    Unknown,
    /// The server hung up.
    Fatal,
}

/// What became of a transaction, as the server tells when asked.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is open and works.
    Open,
    /// It is open, but a statement failed and the server refuses everything until a rollback.
    Aborted,
    /// There is none.
    Gone,
}
