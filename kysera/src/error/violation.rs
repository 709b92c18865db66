use std::fmt;

use super::Driver;
use super::server::{Open, Told};
use crate::expr::Col;

/// Which kind of constraint was violated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ViolationKind {
    /// A unique key, primary keys included.
    Unique,
    /// A foreign key.
    ForeignKey,
    /// NOT NULL, or a required column without a value.
    NotNull,
    /// CHECK.
    Check,
    /// EXCLUDE (PostgreSQL).
    Exclusion,
}

/// A violated constraint, with what the database tells of it and what the entity's own declarations add.
pub struct Violation {
    pub(crate) kind: ViolationKind,
    pub(crate) entity: Option<&'static str>,
    pub(crate) table: Option<String>,
    pub(crate) constraint: Option<String>,
    pub(crate) columns: Vec<String>,
    pub(crate) referenced_table: Option<String>,
    /// What the entity may settle.
    pub(super) open: Open,
    pub(crate) driver: Driver,
}

impl Violation {
    pub(super) fn new(told: Told, driver: Driver) -> Self {
        let Told { kind, table, constraint, columns, referenced_table, open } = told;
        Violation { kind, entity: None, table, constraint, columns, referenced_table, open, driver }
    }

    /// Which kind of constraint.
    pub fn kind(&self) -> ViolationKind {
        self.kind
    }

    /// The Rust name of the entity whose statement it was, if one was involved.
    pub fn entity(&self) -> Option<&'static str> {
        self.entity
    }

    /// The table that has the constraint, if known.
    ///
    /// SQLite tells nothing of a violated foreign key: there it is the table of the entity whose statement it was,
    /// which may be the table that is referred to.
    pub fn table(&self) -> Option<&str> {
        self.table.as_deref()
    }

    /// The constraint's (or key's) name, if known.
    ///
    /// SQLite names CHECK constraints, with their expression if they have no name, and unique indexes over
    /// expressions; nothing else.
    pub fn constraint(&self) -> Option<&str> {
        self.constraint.as_deref()
    }

    /// The columns of the constraint, as the database names them; empty if nobody can know.
    ///
    /// No database tells the columns of a CHECK (but MariaDB that of a column's own), SQLite none of a foreign key,
    /// and PostgreSQL none of a foreign key whose referenced row was changed or deleted. MySQL names a unique key
    /// alone: its columns are those that the entity declares for it. Indexes over expressions have none.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The other table of a foreign key, if known.
    pub fn referenced_table(&self) -> Option<&str> {
        self.referenced_table.as_deref()
    }

    /// Whether it is a unique key over these columns, in any order, of their table if that is known.
    pub(super) fn is_unique_key(&self, cols: &[&'static Col]) -> bool {
        let has = |col: &Col| self.columns.iter().any(|column| column.eq_ignore_ascii_case(col.name));
        let wants = |column: &String| cols.iter().any(|col| col.name.eq_ignore_ascii_case(column));
        self.kind == ViolationKind::Unique
            && !self.columns.is_empty()
            && self.columns.iter().all(wants)
            && cols.iter().all(|col| {
                has(col) && self.table.as_ref().is_none_or(|table| table.eq_ignore_ascii_case(col.table))
            })
    }

    /// The error as sqlx reported it. Its text may contain values.
    pub fn as_sqlx(&self) -> &sqlx::Error {
        self.driver.as_sqlx()
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            ViolationKind::Unique => "unique key",
            ViolationKind::ForeignKey => "foreign key",
            ViolationKind::NotNull => "NOT NULL",
            ViolationKind::Check => "check",
            ViolationKind::Exclusion => "exclusion constraint",
        };
        if let Some(entity) = self.entity {
            write!(f, "{entity}: ")?;
        }
        f.write_str(what)?;
        if let Some(constraint) = &self.constraint {
            write!(f, " `{constraint}`")?;
        }
        if let Some(table) = &self.table {
            write!(f, " of table `{table}`")?;
        }
        if !self.columns.is_empty() {
            write!(f, " on `{}`", self.columns.join("`, `"))?;
        }
        f.write_str(" violated")
    }
}

impl fmt::Debug for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Violation")
            .field("kind", &self.kind)
            .field("entity", &self.entity)
            .field("table", &self.table)
            .field("constraint", &self.constraint)
            .field("columns", &self.columns)
            .field("referenced_table", &self.referenced_table)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Violation {}
