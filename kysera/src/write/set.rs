//! What an update assigns.

use crate::backend::Dialect;
use crate::entity::Values;
use crate::error::{Error, Result};
use crate::expr::{AnyValue, Col, FieldGuard, Fill, Meta, PluginContext, Sql, Standing, Term, Value};

/// `<column> = <to>`
pub(crate) struct Assignment<'a> {
    pub(crate) col: &'static Col,
    pub(crate) to: To<'a>,
}

/// What a column is set to.
pub(crate) enum To<'a> {
    Term(&'a Term),
    Value(&'a AnyValue),
    /// The same, unless the caller may not read what is there: then it stays.
    IfReadable(&'static FieldGuard, &'a AnyValue),
    Shared(Value),
    /// What the audit log wrote down of it, as JSON.
    #[cfg(feature = "audit")]
    Logged(&'static Meta, &'a str),
    Null,
    True,
    False,
    /// One more than it is.
    Next,
}

impl<'a> Assignment<'a> {
    pub(crate) fn write(&self, sql: &mut Sql<'a>) {
        sql.ident(self.col.name).push(" = ");
        self.write_to(sql);
    }

    /// What it is set to.
    pub(crate) fn write_to(&self, sql: &mut Sql<'a>) {
        sql.covering(|| self.col.codec.sensitive, |sql| self.write_source(sql));
    }

    fn write_source(&self, sql: &mut Sql<'a>) {
        match &self.to {
            To::Term(term) => sql.term(term),
            To::Value(value) => sql.value(self.col.codec, *value),
            To::IfReadable(guard, value) => sql.if_readable(self.col, guard, |sql| {
                sql.value(self.col.codec, *value);
            }),
            To::Shared(value) => sql.shared(self.col.codec, value),
            #[cfg(feature = "audit")]
            To::Logged(meta, json) => sql.logged(meta, self.col, json),
            To::Null => sql.push("NULL"),
            To::True => sql.push("TRUE"),
            To::False => sql.push("FALSE"),
            To::Next => sql.column(self.col).push(" + 1"),
        };
    }

    /// The value that the caller gives, whether or not it is what the column is set to.
    pub(crate) fn write_given(&self, sql: &mut Sql<'a>) {
        match &self.to {
            To::IfReadable(_, value) => {
                sql.value(self.col.codec, *value);
            }
            _ => self.write_to(sql),
        }
    }

    /// Whether it reads a column of the row, other than the one that it sets.
    fn reads(&self, col: &Col) -> bool {
        let term = match &self.to {
            To::Term(term) => *term,
            To::IfReadable(guard, _) => {
                return self.col.index != col.index
                    && guard.read.is_some_and(|read| read().0.reads(col.index));
            }
            _ => return false,
        };
        let mut found = false;
        term.visit(&mut |term| {
            let read = match term {
                Term::Column(col) => Some(col.index),
                // A sub-query starts from a column of the row.
                Term::Through(rel, _) => Some(rel.parent.index),
                Term::CountRelated(rows) => Some(rows.rel.parent.index),
                _ => None,
            };
            found |= read == Some(col.index);
        });
        found && self.col.index != col.index
    }
}

/// The columns that have a value.
pub(crate) fn of_values<'a>(
    meta: &'static Meta,
    values: &'a dyn Values,
) -> impl Iterator<Item = Assignment<'a>> {
    meta.columns.iter().filter_map(|col| Some(Assignment { col, to: To::Value(values.value(col.index)?) }))
}

/// The same for a row that was read and changed: what the caller could not read of it stays as it is.
pub(crate) fn of_read_values<'a>(
    meta: &'static Meta,
    values: &'a dyn Values,
    cx: &PluginContext<'_>,
) -> impl Iterator<Item = Assignment<'a>> {
    of_values(meta, values).map(|assignment| {
        let guard = assignment.col.guard.filter(|guard| guard.read.is_some());
        match (guard.filter(|guard| (guard.standing)(cx) != Standing::System), assignment.to) {
            (Some(guard), To::Value(value)) => {
                Assignment { col: assignment.col, to: To::IfReadable(guard, value) }
            }
            (_, to) => Assignment { col: assignment.col, to },
        }
    })
}

/// What plugins count, after everything else: where assignments follow each other, nothing is to see the new version.
pub(crate) fn next_version<'a>(meta: &'static Meta) -> Option<Assignment<'a>> {
    let version = meta.plug.version.as_ref()?;
    Some(Assignment { col: &meta.columns[version.column], to: To::Next })
}

/// Writes what stands behind SET.
pub(crate) fn write<'a>(sql: &mut Sql<'a>, assignments: &[Assignment<'a>]) {
    sql.list(assignments, ", ", |sql, assignment| assignment.write(sql));
}

/// Puts what reads a column in front of what sets it.
pub(crate) fn readers_first(mut left: Vec<Assignment<'_>>) -> Result<Vec<Assignment<'_>>> {
    let mut ordered = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let unread = |one: &Assignment<'_>| !left.iter().any(|other| other.reads(one.col));
        let Some(next) = left.iter().position(unread) else {
            let names: Vec<_> = left.iter().map(|one| one.col.name).collect();
            let what = format!(
                "it assigns one column after the other, so `{}` cannot each be set to an expression of another; read the \
                 rows and write them in a transaction",
                names.join("`, `")
            );
            return Err(Error::Unsupported { backend: Dialect::MySql.name(), what: what.into() });
        };
        ordered.push(left.remove(next));
    }
    Ok(ordered)
}

/// Refuses a column that no update may set.
pub(crate) fn refuse_fixed(meta: &Meta, col: &Col) -> Result<()> {
    let why = if meta.id.contains(&col.index) {
        "is part of the key, which never changes".to_owned()
    } else if let Some(plugin) = meta.plug.owner(col.index) {
        format!("is written by the plugin `{plugin}` alone")
    } else if col.fill == Fill::Database {
        "is `read_only`: the database alone writes it".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::BadRequest(format!("`{}` of {} {why}", col.name, meta.entity).into()))
}

pub(crate) fn set_twice(meta: &Meta, col: &Col) -> Error {
    Error::BadRequest(
        format!("`{}` of {} is set twice: which value should win?", col.name, meta.entity).into(),
    )
}

#[cfg(test)]
mod tests;
