//! The migrations that a program knows, in their order.

use std::borrow::Cow;

use sqlx::SqlStr;
use sqlx::migrate::MigrationType;

use super::books::Entered;
use super::header::{self, MigrationMeta};
use super::rust::{AnyMigration, Migration};
use super::script;
use crate::backend::{Backend, Dialect};
use crate::error::{FailedStatement, MigrationError};
use crate::expr::dynamic;

/// One of them.
pub(super) struct Entry<DB: Backend> {
    pub(super) version: i64,
    pub(super) description: String,
    pub(super) checksum: Cow<'static, [u8]>,
    pub(super) meta: MigrationMeta,
    pub(super) body: Body<DB>,
}

pub(super) enum Body<DB: Backend> {
    Script { up: Script, down: Option<Script> },
    Rust(Box<dyn AnyMigration<DB>>),
}

/// A file.
pub(super) struct Script {
    pub(super) sql: SqlStr,
    pub(super) in_transaction: bool,
}

impl<DB: Backend> Entry<DB> {
    /// What the table says of it.
    pub(super) fn entered(&self) -> Entered<'_> {
        Entered { version: self.version, description: &self.description, checksum: &self.checksum }
    }

    pub(super) fn is_reversible(&self) -> bool {
        match &self.body {
            Body::Script { down, .. } => down.is_some(),
            Body::Rust(migration) => migration.is_reversible(),
        }
    }

    pub(super) fn is_in_transaction(&self, up: bool) -> bool {
        match &self.body {
            Body::Rust(migration) => migration.in_transaction(),
            Body::Script { .. } => self.script(up).is_none_or(|script| script.in_transaction),
        }
    }

    /// The statements of one way of a file; none of a migration in Rust.
    pub(super) fn script(&self, up: bool) -> Option<&Script> {
        match &self.body {
            Body::Script { up: script, .. } if up => Some(script),
            Body::Script { down, .. } => down.as_ref(),
            Body::Rust(_) => None,
        }
    }

    /// Looks for what can be seen without the database.
    pub(super) fn check(&self, up: bool) -> Result<(), MigrationError> {
        let Some(script) = self.script(up) else { return Ok(()) };
        let statements = script::split(DB::DIALECT, script.sql.as_str());
        let of = statements.len();
        for (at, statement) in statements.iter().enumerate() {
            if let Some(what) = statement.client_command(DB::DIALECT) {
                return Err(MigrationError::Script {
                    version: self.version,
                    description: self.description.clone(),
                    line: statement.line,
                    what: what.into(),
                });
            }
            if DB::UNDOES_DDL && script.in_transaction && statement.is_transactional(DB::DIALECT) {
                return Err(MigrationError::OwnTransaction {
                    version: self.version,
                    description: self.description.clone(),
                    statement: place(DB::DIALECT, statement, at, of),
                });
            }
        }
        Ok(())
    }
}

/// A statement, for messages.
pub(super) fn place(
    dialect: Dialect,
    statement: &script::Statement<'_>,
    at: usize,
    of: usize,
) -> FailedStatement {
    FailedStatement { number: at + 1, of, line: statement.line, head: statement.head(dialect) }
}

/// All of them, ordered by version.
pub(super) struct Set<DB: Backend> {
    entries: Vec<Entry<DB>>,
}

impl<DB: Backend> Set<DB> {
    pub(super) const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Entry<DB>> {
        self.entries.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn get(&self, version: i64) -> Option<&Entry<DB>> {
        let at = self.entries.binary_search_by_key(&version, |entry| entry.version).ok()?;
        self.entries.get(at)
    }

    pub(super) fn find(&self, version: i64) -> Result<&Entry<DB>, MigrationError> {
        self.get(version).ok_or(MigrationError::NotFound { version })
    }

    pub(super) fn add(&mut self, entry: Entry<DB>) -> Result<(), MigrationError> {
        match self.entries.binary_search_by_key(&entry.version, |entry| entry.version) {
            Ok(at) => {
                let descriptions = [self.entries[at].description.clone(), entry.description];
                Err(MigrationError::Duplicate { version: entry.version, descriptions })
            }
            Err(at) => {
                self.entries.insert(at, entry);
                Ok(())
            }
        }
    }

    pub(super) fn add_rust(&mut self, migration: impl Migration<DB>) -> Result<(), MigrationError> {
        let (version, description) = (migration.version(), migration.description().to_owned());
        let text = format!("kysera migration {version} {description} {}", migration.revision());
        self.add(Entry {
            version,
            // sqlx's own sum, so that there is one kind of them in the table.
            checksum: sum(dynamic(text)),
            description,
            meta: migration.meta(),
            body: Body::Rust(Box::new(migration)),
        })
    }

    /// Those of sqlx: a file that goes one way, or a pair.
    pub(super) fn add_files<'m>(
        &mut self,
        files: impl Iterator<Item = &'m sqlx::migrate::Migration>,
    ) -> Result<(), MigrationError> {
        let (downs, ups): (Vec<_>, Vec<_>) =
            files.partition(|file| file.migration_type == MigrationType::ReversibleDown);
        for file in ups {
            let description = file.description.to_string();
            let meta = header::read(file.sql.as_str()).map_err(|misread| MigrationError::Header {
                version: file.version,
                description: description.clone(),
                line: misread.line,
                what: misread.what,
            })?;
            self.add(Entry {
                version: file.version,
                description,
                checksum: file.checksum.clone(),
                meta,
                body: Body::Script { up: Script::of(file), down: None },
            })?;
        }
        for file in downs {
            let at = self.entries.binary_search_by_key(&file.version, |entry| entry.version);
            let entry = at.ok().and_then(|at| self.entries.get_mut(at));
            let description = file.description.to_string();
            match entry.map(|entry| (&mut entry.body, &entry.description)) {
                Some((Body::Script { down: down @ None, .. }, _)) => *down = Some(Script::of(file)),
                Some((_, other)) => {
                    let descriptions = [other.clone(), description];
                    return Err(MigrationError::Duplicate { version: file.version, descriptions });
                }
                None => return Err(MigrationError::OnlyDown { version: file.version, description }),
            }
        }
        Ok(())
    }
}

impl Script {
    fn of(file: &sqlx::migrate::Migration) -> Self {
        Self { sql: file.sql.clone(), in_transaction: !file.no_tx }
    }
}

fn sum(text: SqlStr) -> Cow<'static, [u8]> {
    sqlx::migrate::Migration::new(0, "".into(), MigrationType::Simple, text, false).checksum
}

#[cfg(all(test, feature = "sqlite"))]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use sqlx::migrate::MigrationType::{ReversibleDown, ReversibleUp, Simple};
    use sqlx::{SqlSafeStr as _, Sqlite};

    use super::*;

    fn file(version: i64, kind: MigrationType, sql: &'static str) -> sqlx::migrate::Migration {
        sqlx::migrate::Migration::new(version, format!("n{version}").into(), kind, sql.into_sql_str(), false)
    }

    fn set(files: &[sqlx::migrate::Migration]) -> Result<Vec<(i64, bool)>, String> {
        let mut set = Set::<Sqlite>::new();
        set.add_files(files.iter()).map_err(|error| error.to_string())?;
        Ok(set.iter().map(|entry| (entry.version, entry.is_reversible())).collect())
    }

    #[test]
    fn files_are_paired_and_ordered() {
        let files = [file(3, Simple, ""), file(1, ReversibleDown, ""), file(1, ReversibleUp, "")];
        assert_eq!(set(&files).unwrap(), [(1, true), (3, false)]);
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let twice = set(&[file(1, Simple, ""), file(1, ReversibleUp, "")]).unwrap_err();
        assert_eq!(twice, "two migrations have the version 1: `n1` and `n1`; rename one of them");
        assert!(set(&[file(1, ReversibleDown, "")]).unwrap_err().contains("can be undone and not applied"));
        let head = set(&[file(1, Simple, "-- kysera: what")]).unwrap_err();
        assert!(head.starts_with("migration 1 (n1), line 1: `what` means nothing here"), "{head}");
    }

    #[test]
    fn sums_are_those_that_sqlx_writes() {
        let text = "kysera migration 2 slugs 1";
        let expected =
            sqlx::migrate::Migration::new(9, "x".into(), Simple, text.into_sql_str(), true).checksum;
        assert_eq!(sum(dynamic(text)), expected);
        assert_eq!(expected.len(), 48);
    }
}
