use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::backend::Dialect;
use crate::error::Error;

/// Which method of which entity: `users.find_by_id`. Known when the program is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Operation {
    /// The table, as the struct names it. `None` for what belongs to none, such as `begin`.
    pub table: Option<&'static str>,
    /// The struct's name.
    pub entity: Option<&'static str>,
    /// The method: `find_by_id`, or `find.all` for `find()..all()`.
    pub method: &'static str,
}

impl Operation {
    /// Of no entity.
    pub(crate) const fn plain(method: &'static str) -> Self {
        Self { table: None, entity: None, method }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(table) = self.table {
            f.write_str(table)?;
            f.write_str(".")?;
        }
        f.write_str(self.method)
    }
}

/// A statement that is sent.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Statement<'e> {
    /// What sends it. An operation may send several statements.
    pub operation: Operation,
    /// Its text, with placeholders for the values.
    pub sql: &'e str,
    /// The SQL that is spoken.
    pub dialect: Dialect,
    /// Where the operation was called: the method of the repository, or the `find()` of the query.
    pub caller: &'static Location<'static>,
    /// Whether it is the first one that the operation sends, not counting what begins a transaction. What `with` loads for
    /// the rows of a query is part of the query.
    pub is_first: bool,
    /// How long the operation waited for its connection; zero for its later statements.
    pub waited: Duration,
    /// The values of the placeholders, for people, if the observer [asks](super::Observer::wants_values) for them. `None`
    /// also where the statement has none. Whatever is bound about a column that is `#[kysera(sensitive)]` is covered, as `***`:
    /// also patterns, keys of relations, places of cursors, and whether it is NULL. Arguments of SQL of your own are not, unless
    /// a column that is stands among them.
    pub values: Option<&'e [String]>,
}

impl<'e> Statement<'e> {
    /// Its first word: `SELECT`, `INSERT`, `WITH`.
    pub fn verb(&self) -> &'e str {
        self.sql.split_ascii_whitespace().next().unwrap_or_default()
    }
}

/// A statement that has ended.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Event<'e> {
    /// What was sent.
    pub statement: Statement<'e>,
    /// From when it was sent until its last row was read; of a [stream](crate::query::Find::stream), with what the program did
    /// between the rows.
    pub duration: Duration,
    /// Rows that were read, or written where none are read.
    pub rows: u64,
    /// How it ended.
    pub outcome: Outcome<'e>,
}

/// How a statement ended.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Outcome<'e> {
    /// It ran to its end.
    Done,
    /// It failed.
    Failed(&'e Error),
    /// Nobody waited for its end: a timeout, a client that hung up, a stream of which no more was wanted. What was sent
    /// may still be executed.
    Dropped,
}

impl Outcome<'_> {
    /// Whether it failed.
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Failed(_))
    }

    /// `ok`, `dropped`, or the [code](crate::ErrorCode) of the error: a label for metrics.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Done => "ok",
            Self::Failed(error) => error.code().as_str(),
            Self::Dropped => "dropped",
        }
    }
}
