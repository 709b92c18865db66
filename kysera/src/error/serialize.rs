//! Errors as JSON.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::{BreakerError, Error, Violation, ViolationKind};

/// An object with `code` and `message`, and what the variant has: `entity`, `kind`, `table`, `constraint`, `columns`,
/// `referenced_table`, `errors`, `asked`, `positions`, `ids`, `column`, `backend`, `attempts`,
/// `retry_after_seconds`, `stage`, `version`. What is not known is left out.
///
/// Besides the `ids` of [`Missing`](Error::Missing), which the caller gave, it contains no values. (A
/// [validator's](super::Invalid) messages and [errors of the caller's own](Error::Other) say what their authors
/// want.)
///
/// ```
/// use kysera::Error;
///
/// let error = Error::NotFound { entity: "User" };
/// let json = serde_json::to_string(&error)?;
/// assert_eq!(json, r#"{"code":"RESOURCE_NOT_FOUND","message":"User not found","entity":"User"}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("code", &self.code())?;
        map.serialize_entry("message", &self.to_string())?;
        match self {
            Error::NotFound { entity }
            | Error::MoreThanOne { entity }
            | Error::NotStored { entity }
            | Error::NotDeleted { entity }
            | Error::Deleted { entity }
            | Error::Stale { entity }
            | Error::Protected { entity } => map.serialize_entry("entity", entity)?,
            Error::Denied { entity, action, rule, column } => {
                map.serialize_entry("entity", entity)?;
                map.serialize_entry("action", action.as_str())?;
                optional(&mut map, "rule", rule.as_deref())?;
                optional(&mut map, "column", *column)?;
            }
            Error::SameKey { entity, positions, .. } => {
                map.serialize_entry("entity", entity)?;
                if let Some(positions) = positions {
                    map.serialize_entry("positions", positions)?;
                }
            }
            Error::Plugin { plugin, entity, .. } => {
                map.serialize_entry("plugin", plugin)?;
                map.serialize_entry("entity", entity)?;
            }
            Error::Breaker(BreakerError::Open { retry_after }) => {
                map.serialize_entry("retry_after_seconds", &retry_after.as_secs_f64())?;
            }
            Error::GaveUp { attempts, .. } => map.serialize_entry("attempts", attempts)?,
            Error::Missing(missing) => {
                map.serialize_entry("entity", missing.entity)?;
                map.serialize_entry("asked", &missing.asked)?;
                map.serialize_entry("positions", &missing.positions)?;
                map.serialize_entry("ids", &missing.ids)?;
            }
            Error::Violation(violation) => violation.serialize_into(&mut map)?,
            Error::Invalid(invalid) => {
                optional(&mut map, "entity", invalid.entity)?;
                map.serialize_entry("errors", &invalid.errors)?;
            }
            Error::Audit(error) => {
                optional(&mut map, "entity", error.entity())?;
                optional(&mut map, "column", error.column())?;
            }
            Error::Migration(error) => {
                if let Some(version) = error.version() {
                    map.serialize_entry("version", &version)?;
                }
            }
            Error::Unsupported { backend, .. } => map.serialize_entry("backend", backend)?,
            Error::Decode { entity, column, .. } => {
                map.serialize_entry("entity", entity)?;
                map.serialize_entry("column", column)?;
            }
            Error::Database(failure) => optional(&mut map, "entity", failure.entity)?,
            Error::Deadline(late) => {
                optional(&mut map, "entity", late.entity)?;
                map.serialize_entry("stage", late.stage.as_str())?;
            }
            Error::BadRequest(_)
            | Error::Cursor(_)
            | Error::Transaction(_)
            | Error::Pool(_)
            | Error::Breaker(BreakerError::Trial | BreakerError::Forced)
            | Error::Encode { .. }
            | Error::Other(_) => {}
        }
        map.end()
    }
}

impl Violation {
    fn serialize_into<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("kind", &self.kind)?;
        optional(map, "entity", self.entity)?;
        optional(map, "table", self.table())?;
        optional(map, "constraint", self.constraint())?;
        if !self.columns.is_empty() {
            map.serialize_entry("columns", &self.columns)?;
        }
        optional(map, "referenced_table", self.referenced_table())
    }
}

impl Serialize for Violation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.serialize_into(&mut map)?;
        map.end()
    }
}

impl Serialize for ViolationKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            ViolationKind::Unique => "unique",
            ViolationKind::ForeignKey => "foreign_key",
            ViolationKind::NotNull => "not_null",
            ViolationKind::Check => "check",
            ViolationKind::Exclusion => "exclusion",
        })
    }
}

fn optional<M: SerializeMap>(map: &mut M, key: &'static str, value: Option<&str>) -> Result<(), M::Error> {
    match value {
        Some(value) => map.serialize_entry(key, value),
        None => Ok(()),
    }
}
