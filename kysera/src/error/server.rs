//! What a database said, as plain data: one file per database reads it, and none of them needs a server to be tested.

#[cfg(feature = "mysql")]
use super::mysql;
#[cfg(feature = "postgres")]
use super::postgres;
#[cfg(feature = "sqlite")]
use super::sqlite;
use super::{ErrorCode, ViolationKind};

/// What a database tells of a violated constraint.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) kind: ViolationKind,
    pub(super) table: Option<String>,
    pub(super) constraint: Option<String>,
    pub(super) columns: Vec<String>,
    pub(super) referenced_table: Option<String>,
    pub(super) open: Open,
}

impl Told {
    pub(super) fn new(kind: ViolationKind) -> Self {
        Told {
            kind,
            table: None,
            constraint: None,
            columns: Vec::new(),
            referenced_table: None,
            open: Open::Nothing,
        }
    }
}

/// What the message leaves open and the entity of the statement may settle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Open {
    /// Nothing, or nobody can know.
    Nothing,
    /// The table is the statement's own.
    #[cfg_attr(not(any(feature = "mysql", feature = "sqlite")), allow(dead_code))]
    Table,
    /// MySQL names the key as `table.key`, MariaDB as `key`, and both parts may contain dots.
    #[cfg_attr(not(feature = "mysql"), allow(dead_code))]
    Key(String),
    /// SQLite names columns as `table.column, table.column`, and both parts may contain dots and commas.
    #[cfg_attr(not(feature = "sqlite"), allow(dead_code))]
    Columns(String),
}

/// An error that a database reported.
pub(super) enum Report<'a> {
    #[cfg(feature = "postgres")]
    Postgres(postgres::Report<'a>),
    #[cfg(feature = "mysql")]
    MySql(mysql::Report<'a>),
    #[cfg(feature = "sqlite")]
    Sqlite(sqlite::Report<'a>),
}

impl<'a> Report<'a> {
    pub(super) fn of(error: &'a sqlx::Error) -> Option<Self> {
        let error = error.as_database_error()?;
        #[cfg(feature = "postgres")]
        if let Some(error) = error.try_downcast_ref() {
            return Some(Report::Postgres(postgres::Report::of(error)));
        }
        #[cfg(feature = "mysql")]
        if let Some(error) = error.try_downcast_ref() {
            return Some(Report::MySql(mysql::Report::of(error)));
        }
        #[cfg(feature = "sqlite")]
        if let Some(error) = error.try_downcast_ref() {
            return Some(Report::Sqlite(sqlite::Report::of(error)));
        }
        let _ = error; // of a driver that is not switched on
        None
    }

    /// The constraint that is violated, if that is what happened.
    pub(super) fn violation(&self) -> Option<Told> {
        match self {
            #[cfg(feature = "postgres")]
            Report::Postgres(report) => report.violation(),
            #[cfg(feature = "mysql")]
            Report::MySql(report) => report.violation(),
            #[cfg(feature = "sqlite")]
            Report::Sqlite(report) => report.violation(),
        }
    }

    /// Whether the same may well succeed when it is tried again.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            #[cfg(feature = "postgres")]
            Report::Postgres(report) => report.is_transient(),
            #[cfg(feature = "mysql")]
            Report::MySql(report) => report.is_transient(),
            #[cfg(feature = "sqlite")]
            Report::Sqlite(report) => report.is_transient(),
        }
    }

    /// The code of a failure that is no violation.
    pub(super) fn error_code(&self) -> ErrorCode {
        match self {
            #[cfg(feature = "postgres")]
            Report::Postgres(report) => report.error_code(),
            #[cfg(feature = "mysql")]
            Report::MySql(report) => report.error_code(),
            #[cfg(feature = "sqlite")]
            Report::Sqlite(report) => report.error_code(),
        }
    }

    /// The database's name and code, and its message where that cannot contain a value.
    pub(super) fn describe(&self) -> String {
        let (name, code, message): (_, String, Option<&str>) = match self {
            #[cfg(feature = "postgres")]
            Report::Postgres(report) => ("PostgreSQL", report.code.into(), report.safe_message()),
            #[cfg(feature = "mysql")]
            Report::MySql(report) => ("MySQL", report.number.to_string(), report.safe_message()),
            #[cfg(feature = "sqlite")]
            Report::Sqlite(report) => ("SQLite", report.code.to_string(), report.safe_message()),
        };
        match message {
            Some(message) => format!("{name} error {code}: {message}"),
            None => format!("{name} error {code}"),
        }
    }
}
