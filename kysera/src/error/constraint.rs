//! Constraints by name, in the types of Rust.

use super::{Error, Violation, ViolationKind};

/// The constraints of a table: an enum that the derive makes of a snapshot of the schema, `UserConstraint` for a struct `User`.
///
/// ```
/// # #[cfg(feature = "sqlite")] mod doc {
/// # use kysera::prelude::*;
/// # #[derive(Repository)]
/// # #[kysera(table = "users", schema_file = "src/schema/example.json")]
/// # struct User { #[kysera(id)] id: i64, email: String, age: Option<i32> }
/// fn explain(error: &kysera::Error) -> Option<&'static str> {
///     Some(match error.violated::<UserConstraint>()? {
///         UserConstraint::EmailKey => "this address has an account already",
///         UserConstraint::AgeCheck => "nobody is that young",
///         other => other.name().unwrap_or("this cannot be stored"),
///     })
/// }
/// # }
/// ```
///
/// Variants are called after the constraint, without the table's name in front; one without a name is called after its columns. A
/// `match` without `_` stops compiling when the table has a new constraint, which is what it is for.
pub trait Constraint: Copy + Sized + 'static {
    /// All of them.
    const ALL: &'static [Self];

    /// The Rust name of the entity.
    #[doc(hidden)]
    const ENTITY: &'static str;
    #[doc(hidden)]
    const TABLE: &'static str;

    #[doc(hidden)]
    fn facts(self) -> &'static ConstraintFacts;

    /// Of which kind it is. A primary key is unique.
    fn kind(self) -> ViolationKind {
        self.facts().kind
    }

    /// The constraint's name in the database, if it has one. Where a program lives on several databases that call it differently,
    /// that of the first of PostgreSQL, MySQL and SQLite.
    fn name(self) -> Option<&'static str> {
        self.facts().names.first().copied()
    }

    /// Its columns, as the database names them. A check has none.
    fn columns(self) -> &'static [&'static str] {
        self.facts().columns
    }
}

/// What is known of a constraint.
#[doc(hidden)]
#[derive(Debug)]
pub struct ConstraintFacts {
    pub kind: ViolationKind,
    pub names: &'static [&'static str],
    pub columns: &'static [&'static str],
    /// What SQLite calls a check that has no name.
    pub expression: Option<&'static str>,
}

impl Error {
    /// Which constraint of an entity's table is violated, if that is what happened; see [`Constraint`].
    ///
    /// By the constraint's name where the database tells it, else by its columns. `None` where that is not certain: SQLite tells
    /// nothing of a foreign key, so that none of those is ever found there.
    pub fn violated<C: Constraint>(&self) -> Option<C> {
        let violation = self.violation()?;
        let is_there = match (violation.table(), violation.entity()) {
            (Some(table), _) => table.eq_ignore_ascii_case(C::TABLE),
            (None, Some(entity)) => entity == C::ENTITY,
            (None, None) => true,
        };
        if !is_there {
            return None;
        }
        let of_kind = || C::ALL.iter().copied().filter(|one| one.facts().kind == violation.kind());
        if let Some(name) = violation.constraint()
            && let Some(found) = of_kind().find(|one| one.facts().is_called(name))
        {
            return Some(found);
        }
        let mut same = of_kind().filter(|one| one.facts().has_columns_of(violation));
        // Two keys over the same columns cannot be told apart.
        same.next().filter(|_| same.next().is_none())
    }
}

impl ConstraintFacts {
    fn is_called(&self, name: &str) -> bool {
        self.names.contains(&name) || self.expression == Some(name)
    }

    fn has_columns_of(&self, violation: &Violation) -> bool {
        let columns = violation.columns();
        !columns.is_empty()
            && columns.len() == self.columns.len()
            && columns.iter().all(|column| self.columns.iter().any(|own| own.eq_ignore_ascii_case(column)))
    }
}
