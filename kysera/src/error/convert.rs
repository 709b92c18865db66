//! From the driver's errors to kysera's, and what the statement's entity adds.

use super::server::{Open, Report};
use super::{DatabaseFailure, Driver, Error, PoolError, Violation, ViolationKind};
use crate::expr::{Meta, Unique};

/// Stands for the entity until [`Error::in_entity`] names it.
const SOME_ENTITY: &str = "row";

impl From<sqlx::Error> for Error {
    /// Sorts out what sqlx reports: violations with table, constraint and columns as far as the database tells them,
    /// the pool's errors, a missing row, a value that cannot be sent; everything else is
    /// [`Database`](Error::Database).
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::RowNotFound => Error::NotFound { entity: SOME_ENTITY },
            sqlx::Error::PoolTimedOut => Error::Pool(PoolError::SqlxTimedOut),
            sqlx::Error::PoolClosed => Error::Pool(PoolError::Closed),
            error @ sqlx::Error::Encode(_) => Error::Encode { driver: Driver(error) },
            error => match Report::of(&error).and_then(|report| report.violation()) {
                Some(told) => Error::Violation(Box::new(Violation::new(told, Driver(error)))),
                None => Error::Database(Box::new(DatabaseFailure { entity: None, driver: Driver(error) })),
            },
        }
    }
}

impl Error {
    /// Names the entity whose statement failed, and with its declarations completes what the database told. An
    /// error that has its entity already keeps it.
    #[allow(dead_code, reason = "called by the operations of the repository")]
    pub(crate) fn in_entity(mut self, meta: &'static Meta) -> Error {
        match &mut self {
            Error::NotFound { entity } if *entity == SOME_ENTITY => *entity = meta.entity,
            Error::Invalid(invalid) => {
                invalid.entity.get_or_insert(meta.entity);
            }
            Error::Database(failure) => {
                failure.entity.get_or_insert(meta.entity);
            }
            Error::Deadline(late) => {
                late.entity.get_or_insert(meta.entity);
            }
            Error::Violation(violation) if violation.entity.is_none() => violation.complete(meta),
            _ => {}
        }
        self
    }
}

impl Violation {
    fn complete(&mut self, meta: &'static Meta) {
        self.entity = Some(meta.entity);
        match std::mem::replace(&mut self.open, Open::Nothing) {
            Open::Nothing => {}
            Open::Table => self.table = Some(meta.table.into()),
            Open::Key(text) => self.complete_key(&text, meta),
            Open::Columns(text) => {
                if let Some(columns) = split_columns(&text, meta.table) {
                    self.table = Some(meta.table.into());
                    self.columns = columns;
                }
            }
        }
        if self.kind == ViolationKind::Unique && self.columns.is_empty() && self.is_of(meta.table) {
            let key = self.constraint.as_deref().and_then(|name| declared_key(meta, name));
            self.columns = key.map(|key| names(meta, key.columns)).unwrap_or_default();
        }
    }

    /// Columns of a key that MySQL or MariaDB named.
    fn complete_key(&mut self, text: &str, meta: &'static Meta) {
        let declared = declared_key(meta, text).is_some();
        match text.strip_prefix(meta.table).and_then(|rest| rest.strip_prefix('.')) {
            Some(key) if !declared => self.constraint = Some(key.into()),
            // A dot that is not the table's end: of another table, or part of names that cannot be told apart.
            None if text.contains('.') && !declared => return,
            _ => self.constraint = Some(text.into()),
        }
        self.table = Some(meta.table.into());
        let name = self.constraint.as_deref().unwrap_or_default();
        self.columns = match name {
            "PRIMARY" => names(meta, meta.id),
            name if declared_key(meta, name).is_some() => return,
            // A key without a name is called like its first column, with a number if that is taken.
            name => {
                let mut fitting = meta.unique.iter().filter(|key| key.name.is_none()).filter(|key| {
                    let first = key.columns.first().and_then(|&column| meta.columns.get(column));
                    first.is_some_and(|first| is_named_after(name, first.name))
                });
                match (fitting.next(), fitting.next()) {
                    (Some(key), None) => names(meta, key.columns),
                    _ => return,
                }
            }
        };
    }

    fn is_of(&self, table: &str) -> bool {
        self.table.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(table))
    }
}

fn declared_key(meta: &'static Meta, name: &str) -> Option<&'static Unique> {
    meta.unique.iter().find(|key| key.name == Some(name))
}

fn names(meta: &Meta, columns: &[usize]) -> Vec<String> {
    columns.iter().filter_map(|&column| meta.columns.get(column)).map(|column| column.name.into()).collect()
}

/// Whether MySQL would give this name to a key that starts with this column: `email`, `email_2`.
fn is_named_after(key: &str, column: &str) -> bool {
    match key.strip_prefix(column) {
        Some("") => true,
        Some(rest) => rest.strip_prefix('_').is_some_and(|n| n.parse::<u32>().is_ok_and(|n| n >= 2)),
        None => false,
    }
}

/// Splits SQLite's `t.a, t.b` where the table's name is known. Names may contain dots and commas.
fn split_columns(text: &str, table: &str) -> Option<Vec<String>> {
    let prefix = format!("{table}.");
    let separator = format!(", {prefix}");
    Some(text.strip_prefix(&prefix)?.split(&separator).map(Into::into).collect())
}
