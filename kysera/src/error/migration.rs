use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::{Error, ErrorCode, TransactionError};

/// Which way a migration goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Direction {
    /// It is applied.
    Up,
    /// It is undone.
    Down,
}

impl Direction {
    const fn code(self) -> ErrorCode {
        match self {
            Direction::Up => ErrorCode::MigrationUpFailed,
            Direction::Down => ErrorCode::MigrationDownFailed,
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Direction::Up => "up",
            Direction::Down => "down",
        })
    }
}

/// Where a migration's script failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FailedStatement {
    /// Its number in the script, from 1.
    pub number: usize,
    /// How many there are.
    pub of: usize,
    /// The line of the file that it begins in, from 1.
    pub line: usize,
    /// How it begins, without what stands in quotes.
    pub head: String,
}

impl fmt::Display for FailedStatement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "statement {} of {}, line {}: `{}`", self.number, self.of, self.line, self.head)
    }
}

/// A migration that went wrong.
#[derive(Debug)]
#[non_exhaustive]
pub struct FailedMigration {
    /// Its version.
    pub version: i64,
    /// What it is called.
    pub description: String,
    /// Which way it was going.
    pub direction: Direction,
    /// The statement of its script; `None` of a migration in Rust, and where COMMIT failed.
    pub statement: Option<FailedStatement>,
    /// Whether part of it may have stayed. The table says `success = false` then, and nothing is applied before that is settled.
    pub dirty: bool,
    /// What the database said.
    pub source: Error,
}

impl fmt::Display for FailedMigration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, description, direction, source, .. } = self;
        write!(f, "migration {version} ({description}) failed on its way {direction}")?;
        if let Some(statement) = &self.statement {
            write!(f, ", in {statement}")?;
        }
        write!(f, ": {source}")?;
        if self.dirty {
            let done = self.statement.as_ref().map_or(0, |statement| statement.number - 1);
            match done {
                0 => f.write_str(". Part of it may have stayed: ")?,
                1 => f.write_str(". The statement before that stayed, as may part of this one: ")?,
                done => write!(f, ". The {done} statements before that stayed, as may part of this one: ")?,
            }
            settle(f, *version)
        } else if matches!(source, Error::Transaction(TransactionError::OutcomeUnknown { .. })) {
            f.write_str(". All of it is there or nothing, and the table says which: run it again")
        } else {
            f.write_str(". Nothing of it stayed")
        }
    }
}

/// What to do about a migration that is there in part.
fn settle(f: &mut fmt::Formatter<'_>, version: i64) -> fmt::Result {
    write!(
        f,
        "either finish it by hand and call `mark_applied({version})`, or undo by hand what is there of it and call \
         `mark_reverted({version})`; then run `up` again"
    )
}

/// A migration that cannot be applied or undone, or a set of them that does not fit its database.
#[derive(Debug)]
#[non_exhaustive]
pub enum MigrationError {
    /// It was applied, and is not what it was: its checksum differs.
    Changed {
        /// Its version.
        version: i64,
        /// What it is called.
        description: String,
    },
    /// It was applied, and is not in the set.
    Missing {
        /// Its version.
        version: i64,
        /// What it was called when it was applied.
        description: String,
    },
    /// It is not applied, and a newer one is.
    OutOfOrder {
        /// Its version.
        version: i64,
        /// What it is called.
        description: String,
        /// The newest version that is applied.
        newest: i64,
    },
    /// It was begun and did not come to its end: part of it may be there.
    Dirty {
        /// Its version.
        version: i64,
        /// What it was called when it was begun.
        description: String,
    },
    /// It failed.
    Failed(Box<FailedMigration>),
    /// Its script begins or ends transactions, and would not be undone as a whole. Nothing was sent.
    OwnTransaction {
        /// Its version.
        version: i64,
        /// What it is called.
        description: String,
        /// The statement.
        statement: FailedStatement,
    },
    /// It ended the transaction that it ran in, where nobody could see that before. What it did up to there stays.
    Escaped {
        /// Its version.
        version: i64,
        /// What it is called.
        description: String,
        /// Which way it was going.
        direction: Direction,
    },
    /// The set has no such version.
    NotFound {
        /// The version.
        version: i64,
    },
    /// Two migrations of the set have the same version.
    Duplicate {
        /// The version.
        version: i64,
        /// What they are called.
        descriptions: [String; 2],
    },
    /// There is a script to undo a migration, and none to apply it.
    OnlyDown {
        /// Its version.
        version: i64,
        /// What it is called.
        description: String,
    },
    /// A comment for kysera at the head of a script cannot be read.
    Header {
        /// Its version.
        version: i64,
        /// What it is called.
        description: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong, and what to write.
        what: String,
    },
    /// A script cannot be told apart into statements.
    Script {
        /// Its version.
        version: i64,
        /// What it is called.
        description: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// The migrations cannot be read.
    Source {
        /// What is wrong.
        what: String,
    },
    /// Somebody else applied migrations for longer than was waited.
    Locked {
        /// How long it was waited for.
        waited: Duration,
        /// Who has the lock, as far as the database tells.
        holder: Option<String>,
    },
    /// A hook refused a migration, or failed after it.
    Hook {
        /// The migration's version.
        version: i64,
        /// What it is called.
        description: String,
        /// Whether the migration had come to its end by then.
        done: bool,
        /// What the hook said.
        source: Box<Error>,
    },
}

impl fmt::Display for MigrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { version, description } => write!(
                f,
                "migration {version} ({description}) was changed after it was applied: put back what it was and write a new \
                 one, or, if the database is as it says now, call `mark_applied({version})`"
            ),
            Self::Missing { version, description } => write!(
                f,
                "migration {version} ({description}) was applied and is not in the set: add it again, as it was; or, if other \
                 sets use this database, call `ignore_missing`"
            ),
            Self::OutOfOrder { version, description, newest } => write!(
                f,
                "migration {version} ({description}) is not applied and older than {newest}, which is: give it a version above \
                 that, or call `allow_out_of_order`"
            ),
            Self::Dirty { version, description } => {
                write!(
                    f,
                    "migration {version} ({description}) was begun and did not end, so that part of it may be there: "
                )?;
                settle(f, *version)
            }
            Self::Failed(failed) => failed.fmt(f),
            Self::OwnTransaction { version, description, statement } => write!(
                f,
                "migration {version} ({description}) begins or ends a transaction, in {statement}: kysera runs each migration \
                 in one, so remove that, or make `-- no-transaction` its first line"
            ),
            Self::Escaped { version, description, direction } => write!(
                f,
                "migration {version} ({description}) ended the transaction that it ran in, so that what it did on its way \
                 {direction} may have stayed, and the table does not say so: look at it, then call `mark_applied({version})` or \
                 `mark_reverted({version})`; and have the migration not end transactions"
            ),
            Self::NotFound { version } => write!(f, "there is no migration {version} in the set"),
            Self::Duplicate { version, descriptions: [first, second] } => {
                write!(
                    f,
                    "two migrations have the version {version}: `{first}` and `{second}`; rename one of them"
                )
            }
            Self::OnlyDown { version, description } => write!(
                f,
                "migration {version} ({description}) can be undone and not applied: add its `.up.sql`, or remove its `.down.sql`"
            ),
            Self::Header { version, description, line, what } => {
                write!(f, "migration {version} ({description}), line {line}: {what}")
            }
            Self::Script { version, description, line, what } => {
                write!(f, "migration {version} ({description}), line {line}: {what}")
            }
            Self::Source { what } => write!(f, "the migrations cannot be read: {what}"),
            Self::Locked { waited, holder } => {
                write!(f, "somebody else applies migrations, and did not end within {waited:.1?}")?;
                match holder {
                    Some(holder) => write!(f, ": {holder}"),
                    None => Ok(()),
                }
            }
            Self::Hook { version, description, done: false, source } => {
                write!(
                    f,
                    "a hook refused migration {version} ({description}): {source}. Nothing of it was sent"
                )
            }
            Self::Hook { version, description, done: true, source } => {
                write!(f, "a hook failed after migration {version} ({description}), which is done: {source}")
            }
        }
    }
}

impl std::error::Error for MigrationError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Failed(failed) => Some(&failed.source),
            Self::Hook { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl MigrationError {
    pub(super) fn code(&self) -> ErrorCode {
        match self {
            Self::Changed { .. } => ErrorCode::MigrationChanged,
            Self::Missing { .. } => ErrorCode::MigrationMissing,
            Self::OutOfOrder { .. } => ErrorCode::MigrationOutOfOrder,
            Self::Dirty { .. } => ErrorCode::MigrationDirty,
            Self::Failed(failed) => failed.direction.code(),
            Self::Escaped { direction, .. } => direction.code(),
            Self::NotFound { .. } => ErrorCode::MigrationNotFound,
            Self::Duplicate { .. } => ErrorCode::MigrationDuplicate,
            Self::OwnTransaction { .. }
            | Self::OnlyDown { .. }
            | Self::Header { .. }
            | Self::Script { .. }
            | Self::Source { .. } => ErrorCode::MigrationInvalid,
            Self::Locked { .. } => ErrorCode::MigrationLocked,
            Self::Hook { source, .. } => source.code(),
        }
    }

    /// The version of the migration, if it is about one.
    ///
    /// ```
    /// use kysera::Error;
    /// use kysera::error::MigrationError;
    ///
    /// let error = Error::from(MigrationError::NotFound { version: 7 });
    /// assert!(matches!(&error, Error::Migration(error) if error.version() == Some(7)));
    /// assert_eq!(error.to_string(), "there is no migration 7 in the set");
    /// ```
    pub fn version(&self) -> Option<i64> {
        match self {
            Self::Failed(failed) => Some(failed.version),
            Self::Changed { version, .. }
            | Self::Missing { version, .. }
            | Self::OutOfOrder { version, .. }
            | Self::Dirty { version, .. }
            | Self::OwnTransaction { version, .. }
            | Self::Escaped { version, .. }
            | Self::NotFound { version }
            | Self::Duplicate { version, .. }
            | Self::OnlyDown { version, .. }
            | Self::Header { version, .. }
            | Self::Script { version, .. }
            | Self::Hook { version, .. } => Some(*version),
            Self::Source { .. } | Self::Locked { .. } => None,
        }
    }

    /// What is behind it, if it is an error of the database or of the caller's.
    pub(super) fn cause(&self) -> Option<&Error> {
        match self {
            Self::Failed(failed) => Some(&failed.source),
            Self::Hook { source, .. } => Some(source),
            _ => None,
        }
    }

    /// Whether the same call may well succeed when it is made again: nothing stayed, and what failed was transient.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Failed(failed) => !failed.dirty && failed.source.is_transient(),
            Self::Locked { .. } => true,
            _ => false,
        }
    }
}

impl From<MigrationError> for Error {
    fn from(error: MigrationError) -> Self {
        Error::Migration(Box::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Driver;
    use super::*;

    fn failed(number: Option<usize>, dirty: bool, source: Error) -> String {
        let statement =
            number.map(|number| FailedStatement { number, of: 3, line: 9, head: "ALTER TABLE a".into() });
        let (version, description, direction) = (7, String::from("split names"), Direction::Down);
        MigrationError::Failed(Box::new(FailedMigration {
            version,
            description,
            direction,
            statement,
            dirty,
            source,
        }))
        .to_string()
    }

    #[test]
    fn what_stayed_is_said() {
        let no = || Error::BadRequest("no".into());
        let begins = "migration 7 (split names) failed on its way down";
        let place = |number| format!("in statement {number} of 3, line 9: `ALTER TABLE a`");
        assert_eq!(failed(Some(3), false, no()), format!("{begins}, {}: no. Nothing of it stayed", place(3)));
        let settle = "either finish it by hand and call `mark_applied(7)`, or undo by hand what is there of it and call \
            `mark_reverted(7)`; then run `up` again";
        for (number, stayed) in [
            (1, "Part of it may have stayed"),
            (2, "The statement before that stayed, as may part of this one"),
            (3, "The 2 statements before that stayed, as may part of this one"),
        ] {
            let expected = format!("{begins}, {}: no. {stayed}: {settle}", place(number));
            assert_eq!(failed(Some(number), true, no()), expected);
        }
        let lost = || Driver(sqlx::Error::Io(std::io::ErrorKind::BrokenPipe.into()));
        let unknown =
            failed(None, false, Error::Transaction(TransactionError::OutcomeUnknown { driver: lost() }));
        assert!(
            unknown.ends_with(". All of it is there or nothing, and the table says which: run it again"),
            "{unknown}"
        );
    }
}
