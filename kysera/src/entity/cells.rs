use std::any::TypeId;

use crate::backend::{Backend, Scalar};
use crate::error::{Driver, Error, Result};
use crate::expr::{Meta, Term};

/// The cells of a row, handed out one after the other.
///
/// Types are compared with those of the first row of a result set only: on PostgreSQL and MySQL all rows share them.
/// (On SQLite they belong to the cell and are compared every time.)
pub struct Cells<'r, DB: Backend> {
    row: &'r DB::Row,
    meta: &'static Meta,
    /// What the cells are, where they are not the entity's columns.
    terms: Option<&'r [Term]>,
    start: usize,
    next: usize,
    check: bool,
}

impl<'r, DB: Backend> Cells<'r, DB> {
    /// The cells of `row` from column `start` on; `check` for the first row of a result set.
    pub(crate) fn new(row: &'r DB::Row, meta: &'static Meta, start: usize, check: bool) -> Self {
        Self { row, meta, terms: None, start, next: start, check }
    }

    /// The cells of selected expressions.
    pub(crate) fn of_terms(mut self, terms: &'r [Term]) -> Self {
        self.terms = Some(terms);
        self
    }

    /// The next cell.
    #[doc(hidden)]
    #[allow(clippy::should_implement_trait, reason = "cells have different types, this is no iterator")]
    pub fn next<T: Scalar<DB>>(&mut self) -> Result<T> {
        let index = self.next;
        self.next += 1;
        let value = DB::cell(self.row, index, self.check).map_err(|error| self.misfit(index, error))?;
        if is_time_of_day::<T>() && DB::folds_time(self.row, index) {
            return Err(self.no_time_of_day(index));
        }
        Ok(value)
    }

    #[cold]
    fn no_time_of_day(&self, index: usize) -> Error {
        let source = "the value is no time of day".into();
        self.misfit(index, sqlx::Error::ColumnDecode { index: index.to_string(), source })
    }

    #[cold]
    fn misfit(&self, index: usize, error: sqlx::Error) -> Error {
        let place = index - self.start;
        let column = match self.terms {
            Some(terms) => terms.get(place).map(Term::name),
            None => self.meta.columns.get(place).map(|column| column.name),
        }
        .unwrap_or("?");
        Error::Decode { entity: self.meta.entity, column, driver: Driver(error) }
    }
}

/// Whether a field is a time of day, and no span of time.
fn is_time_of_day<T: 'static>() -> bool {
    let known: &[TypeId] = &[
        #[cfg(feature = "chrono")]
        TypeId::of::<sqlx::types::chrono::NaiveTime>(),
        #[cfg(feature = "chrono")]
        TypeId::of::<Option<sqlx::types::chrono::NaiveTime>>(),
        #[cfg(feature = "time")]
        TypeId::of::<sqlx::types::time::Time>(),
        #[cfg(feature = "time")]
        TypeId::of::<Option<sqlx::types::time::Time>>(),
    ];
    known.contains(&TypeId::of::<T>())
}
