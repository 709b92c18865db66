//! Updates with expressions.

use futures_core::future::BoxFuture;

use super::Execute;
use super::find::Find;
use super::statement::sql_at;
use crate::backend::{Backend, Dialect};
use crate::entity::{Entity, On, Values};
use crate::error::{Error, Result};
use crate::expr::{AnyValue, Col, Column, Fill, IntoOperand, Meta, Sql, Term, operand_term};
use crate::source::{Source, Writable, run};

impl<'s, E, S> Find<'s, E, S>
where
    S: Source,
    E: On<S::Database>,
{
    /// Begins an update of all rows that the filters keep, in which a column is set to a value or to an expression over the
    /// row as it was. [`execute`](Update::execute) sends it.
    ///
    /// What the database computes from the row is never computed from a row that someone has changed meanwhile:
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] mod doc {
    /// # use kysera::prelude::*;
    /// # #[derive(Repository)]
    /// # #[kysera(table = "users")]
    /// # struct User { #[kysera(id)] id: i64, name: String, logins: i64, last_seen: Option<i64> }
    /// async fn log_in(users: &UserRepository<Db<Sqlite>>, id: i64, now: i64) -> kysera::Result<bool> {
    ///     let logged_in = users
    ///         .find()
    ///         .filter(User::ID.eq(id))
    ///         .set(User::LOGINS, User::LOGINS.plus(1))
    ///         .set(User::LAST_SEEN, now)
    ///         .execute()
    ///         .await?;
    ///     Ok(logged_in == 1)
    /// }
    /// # }
    /// ```
    pub fn set<T: Send + Sync + 'static, M>(
        self,
        column: Column<E, T>,
        value: impl Assign<E, T, M>,
    ) -> Update<'s, E, S> {
        Update { find: self, terms: Vec::new(), patches: Vec::new() }.set(column, value)
    }

    /// Begins an update of all rows that the filters keep with the columns of a patch, to which expressions can be added;
    /// [`update`](Find::update) is the short form of one without.
    pub fn patch(self, patch: E::Patch) -> Update<'s, E, S> {
        Update { find: self, terms: Vec::new(), patches: vec![patch] }
    }
}

/// What a column of type `T` can be set to: whatever [`IntoColumn`](crate::IntoColumn) accepts, and columns and expressions
/// of the same entity. `M` is always inferred.
#[diagnostic::on_unimplemented(
    message = "a column of type `{T}` cannot be set to `{Self}`",
    label = "expected a value of type `{T}`, or a column or expression of the same entity and type"
)]
pub trait Assign<E, T, M>: IntoOperand<E, T, M> {}

#[diagnostic::do_not_recommend]
impl<E, T, M, V: IntoOperand<E, T, M>> Assign<E, T, M> for V {}

/// An update of the rows of a query, made by [`Find::set`] and [`Find::patch`].
#[must_use = "an update does nothing until `execute` is awaited"]
pub struct Update<'s, E: Entity, S> {
    find: Find<'s, E, S>,
    terms: Vec<(&'static Col, Term)>,
    patches: Vec<E::Patch>,
}

impl<'s, E, S> Update<'s, E, S>
where
    S: Source,
    E: On<S::Database>,
{
    /// Sets one more column: to a value, or to a column or expression of the entity. Expressions see the row as it was
    /// before the update.
    pub fn set<T: Send + Sync + 'static, M>(
        mut self,
        column: Column<E, T>,
        value: impl Assign<E, T, M>,
    ) -> Self {
        self.terms.push((column.col(), operand_term(&column, value.into_operand())));
        self
    }

    /// Sets what a patch sets as well.
    pub fn patch(mut self, patch: E::Patch) -> Self {
        self.patches.push(patch);
        self
    }

    /// Changes the rows, in one statement, and answers how many there were. Where nothing is set, nothing is sent and the
    /// answer is 0.
    ///
    /// `UPDATE <table> SET <column> = <value>, .. WHERE <filters>`. MySQL assigns one column after the other and shows the
    /// new values to what follows; assignments are put into an order in which that is not seen.
    ///
    /// # Errors
    ///
    /// Before anything is sent: [`Error::Invalid`] if a patch breaks a rule; [`Error::BadRequest`] if a column is set twice,
    /// is part of the key or `read_only`, or if the query has an order, a limit or an offset; [`Error::Unsupported`] on
    /// MySQL if each of several columns is set to an expression of the next one, such as two that are swapped.
    /// [`Error::Violation`] for constraints.
    pub fn execute(self) -> BoxFuture<'s, Result<u64>>
    where
        S: Writable,
    {
        Box::pin(async move {
            for patch in &self.patches {
                crate::repository::validate::<E>(patch)?;
            }
            self.find.refuse_order("set(..)")?;
            let assignments = self.assignments(S::Database::DIALECT)?;
            if assignments.is_empty() {
                return Ok(0);
            }
            let mut sql = sql_at(self.find.source).writing(E::META);
            sql.push("UPDATE ").table(E::META).push(" SET ");
            sql.list(&assignments, ", ", |sql, assignment| assignment.write(sql));
            sql.conditions(E::META, self.find.query.deleted, &self.find.query.filters);
            let op = Execute { meta: E::META, statement: sql.finish()? };
            run(self.find.source, op).await
        })
    }

    /// What is set, in the order in which it is written.
    fn assignments(&self, dialect: Dialect) -> Result<Vec<Assignment<'_>>> {
        let terms = self.terms.iter().map(|(col, term)| Assignment { col, to: To::Term(term) });
        let values = self.patches.iter().flat_map(|patch| {
            let given = E::META.columns.iter().filter_map(|col| Some((col, patch.value(col.index)?)));
            given.map(|(col, value)| Assignment { col, to: To::Value(value) })
        });
        let assignments: Vec<_> = terms.chain(values).collect();
        for (at, Assignment { col, .. }) in assignments.iter().enumerate() {
            refuse_fixed(E::META, col)?;
            if assignments.iter().take(at).any(|before| before.col.index == col.index) {
                return Err(set_twice(E::META, col));
            }
        }
        if dialect == Dialect::MySql { readers_first(assignments) } else { Ok(assignments) }
    }
}

impl<E: Entity, S> std::fmt::Debug for Update<'_, E, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Update<{}>", E::META.entity)
    }
}

/// Refuses a column that no update may set.
pub(crate) fn refuse_fixed(meta: &Meta, col: &Col) -> Result<()> {
    let why = if meta.id.contains(&col.index) {
        "is part of the key, which never changes"
    } else if col.fill == Fill::Database {
        "is `read_only`: the database alone writes it"
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

/// `<column> = <to>`
struct Assignment<'a> {
    col: &'static Col,
    to: To<'a>,
}

enum To<'a> {
    Term(&'a Term),
    Value(&'a AnyValue),
}

impl<'a> Assignment<'a> {
    fn write(&self, sql: &mut Sql<'a>) {
        sql.ident(self.col.name).push(" = ");
        match self.to {
            To::Term(term) => sql.term(term),
            To::Value(value) => sql.value(self.col.codec, value),
        };
    }

    /// Whether it reads a column of the row, other than the one that it sets.
    fn reads(&self, col: &Col) -> bool {
        let To::Term(term) = self.to else { return false };
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

/// Puts what reads a column in front of what sets it.
fn readers_first(mut left: Vec<Assignment<'_>>) -> Result<Vec<Assignment<'_>>> {
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

#[cfg(test)]
mod tests;
