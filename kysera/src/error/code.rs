/// A stable name for each kind of [`Error`](super::Error), for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// `DB_UNKNOWN`
    DbUnknown,
}
