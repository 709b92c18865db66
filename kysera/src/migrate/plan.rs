//! What is to be done, from what there is and what is applied. Knows no database.

use super::books::Applied;
use super::set::{Entry, Set};
use crate::backend::Backend;
use crate::error::MigrationError;

/// What is allowed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rules {
    pub(super) out_of_order: bool,
    pub(super) missing: bool,
}

/// How far up it goes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Target {
    All,
    /// This version included.
    Version(i64),
}

impl Target {
    pub(super) fn reaches(self, version: i64) -> bool {
        match self {
            Target::All => true,
            Target::Version(target) => version <= target,
        }
    }
}

pub(super) fn dirty(row: &Applied) -> MigrationError {
    MigrationError::Dirty { version: row.version, description: row.description.clone() }
}

pub(super) fn missing(row: &Applied) -> MigrationError {
    MigrationError::Missing { version: row.version, description: row.description.clone() }
}

/// What is applied, by version.
pub(super) fn row(applied: &[Applied], version: i64) -> Option<&Applied> {
    applied.iter().find(|row| row.version == version)
}

/// What does not fit, the worst first.
pub(super) fn problems<DB: Backend>(set: &Set<DB>, applied: &[Applied], rules: Rules) -> Vec<MigrationError> {
    let mut problems: Vec<_> = applied.iter().filter(|row| !row.success).map(dirty).collect();
    if !rules.missing {
        problems.extend(applied.iter().filter(|row| set.get(row.version).is_none()).map(missing));
    }
    for row in applied {
        if let Some(entry) = set.get(row.version)
            && *entry.checksum != *row.checksum
        {
            let description = entry.description.clone();
            problems.push(MigrationError::Changed { version: row.version, description });
        }
    }
    if !rules.out_of_order
        && let Some(newest) = applied.last()
    {
        let late = set.iter().filter(|entry| entry.version < newest.version);
        let late = late.filter(|entry| row(applied, entry.version).is_none());
        problems.extend(late.map(|entry| MigrationError::OutOfOrder {
            version: entry.version,
            description: entry.description.clone(),
            newest: newest.version,
        }));
    }
    problems
}

/// What is left to be applied, in its order.
pub(super) fn pending<'s, DB: Backend>(
    set: &'s Set<DB>,
    applied: &[Applied],
    rules: Rules,
    target: Target,
) -> Result<Vec<&'s Entry<DB>>, MigrationError> {
    match problems(set, applied, rules).into_iter().next() {
        Some(problem) => Err(problem),
        None => Ok(set
            .iter()
            .filter(|entry| target.reaches(entry.version) && row(applied, entry.version).is_none())
            .collect()),
    }
}

/// How far down it goes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Depth {
    /// So many.
    Steps(usize),
    /// Everything above this version.
    Above(i64),
}

/// What is to be undone, the newest first.
///
/// A file that was changed may be undone, since that is how one goes on working on it.
pub(super) fn to_undo<DB: Backend>(
    set: &Set<DB>,
    applied: &[Applied],
    rules: Rules,
    depth: Depth,
) -> Result<Vec<i64>, MigrationError> {
    if let Some(row) = applied.iter().find(|row| !row.success) {
        return Err(dirty(row));
    }
    let rows = applied.iter().rev();
    let rows: Vec<_> = match depth {
        Depth::Steps(steps) => rows.take(steps).collect(),
        Depth::Above(version) => rows.take_while(|row| row.version > version).collect(),
    };
    match rows.iter().find(|row| !rules.missing && set.get(row.version).is_none()) {
        Some(row) => Err(missing(row)),
        None => Ok(rows.into_iter().map(|row| row.version).collect()),
    }
}
