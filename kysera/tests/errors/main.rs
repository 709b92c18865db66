//! What the databases report of real violations, on plain sqlx connections. The features decide which run; with one
//! switched on its server must be there (`KYSERA_POSTGRES_URL`, `KYSERA_MYSQL_URL`).
#![cfg(any(feature = "sqlite", feature = "_servers"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

#[cfg(all(feature = "mysql", feature = "_servers"))]
mod mysql;
#[cfg(all(feature = "postgres", feature = "_servers"))]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::error::Error as _;

use kysera::error::{Violation, ViolationKind};
use kysera::{Error, ErrorCode};

/// A value that must not appear in any message.
const SECRET: &str = "s3cr3t' for key 'evil";

struct Expected<'a> {
    kind: ViolationKind,
    table: Option<&'a str>,
    constraint: Option<&'a str>,
    columns: &'a [&'a str],
    referenced_table: Option<&'a str>,
}

fn parts(violation: &Violation) -> Expected<'_> {
    Expected {
        kind: violation.kind(),
        table: violation.table(),
        constraint: violation.constraint(),
        columns: &[],
        referenced_table: violation.referenced_table(),
    }
}

fn expect(what: &str, error: sqlx::Error, expected: Expected<'_>) {
    let error = Error::from(error);
    assert!(!error.is_transient(), "{what}");
    let words = format!("{error} {error:?} {}", serde_json::to_string(&error).unwrap());
    assert!(!words.contains("s3cr3t"), "{what}: {words}");
    assert!(error.source().is_none(), "{what}: the source would show values");
    let violation = error.violation().unwrap_or_else(|| panic!("{what}: {:?}", error.as_sqlx()));
    let found = parts(violation);
    let said = || format!("{what}: {violation:?} of {:?}", violation.as_sqlx());
    assert_eq!(found.kind, expected.kind, "{}", said());
    assert_eq!(found.table, expected.table, "{}", said());
    assert_eq!(found.constraint, expected.constraint, "{}", said());
    assert_eq!(violation.columns(), expected.columns, "{}", said());
    assert_eq!(found.referenced_table, expected.referenced_table, "{}", said());
    let code = match expected.kind {
        ViolationKind::Unique => ErrorCode::UniqueViolation,
        ViolationKind::ForeignKey => ErrorCode::ForeignKeyViolation,
        ViolationKind::NotNull => ErrorCode::NotNullViolation,
        ViolationKind::Check => ErrorCode::CheckViolation,
        ViolationKind::Exclusion => ErrorCode::ExclusionViolation,
        kind => panic!("{kind:?}"),
    };
    assert_eq!(error.code(), code, "{what}");
}

/// What a failure that is no violation says of itself.
fn failure(error: sqlx::Error) -> (ErrorCode, String) {
    let error = Error::from(error);
    let words = format!("{error} {error:?} {}", serde_json::to_string(&error).unwrap());
    assert!(!words.contains("s3cr3t"), "{words}");
    assert!(error.as_sqlx().is_some());
    (error.code(), error.to_string())
}

macro_rules! run {
    ($conn:expr, $sql:expr) => {
        sqlx::raw_sql($sql).execute(&mut $conn).await.map(drop)
    };
    ($conn:expr, $sql:expr, $($bind:expr),+) => {
        sqlx::query($sql)$(.bind($bind))+.execute(&mut $conn).await.map(drop)
    };
}
use run;

#[cfg(all(any(feature = "postgres", feature = "mysql"), feature = "_servers"))]
fn server(variable: &str, local: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| local.into())
}

/// A name that no other test and no other process has.
#[cfg(all(any(feature = "postgres", feature = "mysql"), feature = "_servers"))]
fn database_name(test: &str) -> String {
    format!("kysera_errors_{test}_{}", std::process::id())
}
