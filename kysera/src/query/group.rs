//! Groups of rows.

use super::find::Find;
use super::select::Selected;
use super::shape::{Items, Shape, SqlBox};
use crate::backend::{Backend, Dialect};
use crate::error::Result;
use crate::expr::{Column, Expr, Expression, Filter, TermBox};

/// What [`Find::group_by`] takes: a column, an expression, or a tuple of up to eight.
#[diagnostic::on_unimplemented(
    message = "rows of `{E}` cannot be grouped by `{Self}`",
    label = "expected a column or an expression of `{E}`, or a tuple of up to eight"
)]
pub trait GroupBy<E> {
    #[doc(hidden)]
    fn into_terms(self) -> Vec<TermBox>;
}

/// One part of a [`GroupBy`]: a column or an expression.
#[diagnostic::on_unimplemented(
    message = "rows of `{E}` cannot be grouped by `{Self}`",
    label = "expected a column or an expression of `{E}`"
)]
pub trait GroupKey<E> {
    #[doc(hidden)]
    fn into_term(self) -> TermBox;
}

macro_rules! single {
    ($type:ident) => {
        impl<E, T> GroupKey<E> for $type<E, T>
        where
            Self: Expression<Entity = E>,
        {
            fn into_term(self) -> TermBox {
                self.as_term()
            }
        }

        impl<E, T> GroupBy<E> for $type<E, T>
        where
            Self: Expression<Entity = E>,
        {
            fn into_terms(self) -> Vec<TermBox> {
                vec![self.as_term()]
            }
        }
    };
}
single!(Column);
single!(Expr);

macro_rules! tuples {
    ($($A:ident),+) => {
        impl<E, $($A: GroupKey<E>),+> GroupBy<E> for ($($A,)+) {
            #[allow(non_snake_case, reason = "named after their types")]
            fn into_terms(self) -> Vec<TermBox> {
                let ($($A,)+) = self;
                vec![$($A.into_term()),+]
            }
        }
    };
}
tuples!(A1);
tuples!(A1, A2);
tuples!(A1, A2, A3);
tuples!(A1, A2, A3, A4);
tuples!(A1, A2, A3, A4, A5);
tuples!(A1, A2, A3, A4, A5, A6);
tuples!(A1, A2, A3, A4, A5, A6, A7);
tuples!(A1, A2, A3, A4, A5, A6, A7, A8);

/// Groups of rows, and what is selected of each: the [`Shape`] of a query after [`Find::group_by`].
#[derive(Debug, Clone)]
pub struct Grouped<X>(X);

impl<DB: Backend, X: Shape<DB>> Shape<DB> for Grouped<X> {
    type Out = X::Out;

    fn width(&self) -> usize {
        self.0.width()
    }

    fn write<'v>(&'v self, sql: &mut SqlBox<'_, 'v>, names: bool) {
        self.0.write(sql, names);
    }

    fn items(&self) -> Option<Items<'_>> {
        self.0.items()
    }

    fn fixed(&self, dialect: Dialect) -> Option<&'static str> {
        self.0.fixed(dialect)
    }

    fn read(&self, row: &DB::Row, start: usize, check: bool) -> Result<X::Out> {
        self.0.read(row, start, check)
    }
}

/// A [`Shape`] that can be grouped: what [`Find::select`] and [`Find::select_as`] make.
#[diagnostic::on_unimplemented(
    message = "`group_by` needs to know what to select of each group",
    label = "called on a query that selects whole rows, or is grouped already",
    note = "say it first, as in `find().select((User::ROLE, count())).group_by(User::ROLE)`; to group by several things give \
            a tuple"
)]
pub trait Selecting {}

impl<DB: Backend, T> Selecting for Selected<DB, T> {}

/// A [`Shape`] of groups.
#[diagnostic::on_unimplemented(
    message = "`having` is about groups, and this query has none",
    label = "call `group_by` first",
    note = "a condition on single rows is a `filter`"
)]
pub trait HasGroups {}

impl<X> HasGroups for Grouped<X> {}

impl<'s, E, S, X> Find<'s, E, S, X> {
    /// Makes one row of all rows that agree in a column, an expression, or a tuple of up to eight. NULLs agree with each
    /// other.
    ///
    /// What the query selects and orders by is either grouped by or aggregated; if it groups by the whole primary key,
    /// all columns of the table may be selected. [`filter`](Find::filter) decides about rows before they are grouped,
    /// [`having`](Find::having) about groups. [`count`](Find::count) counts groups.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] mod doc {
    /// # use kysera::prelude::*;
    /// # #[derive(Repository)]
    /// # #[kysera(table = "users")]
    /// # struct User { #[kysera(id)] id: i64, role: i32, age: i32 }
    /// use kysera::expr::count;
    ///
    /// async fn roles(users: &UserRepository<Db<Sqlite>>) -> kysera::Result<Vec<(i32, i64, Option<f64>)>> {
    ///     // SELECT "users"."role", COUNT(*), AVG("users"."age") FROM "users"
    ///     // GROUP BY "users"."role" HAVING COUNT(*) > $1 ORDER BY COUNT(*) DESC
    ///     users
    ///         .find()
    ///         .select((User::ROLE, count(), User::AGE.avg()))
    ///         .group_by(User::ROLE)
    ///         .having(count().gt(1))
    ///         .order_by(count().desc())
    ///         .all()
    ///         .await
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of the methods that end the query: [`Error::BadRequest`](crate::Error::BadRequest) before anything is sent if
    /// something that is selected, ordered by or asked in `having` is neither grouped by nor aggregated, or if what is
    /// grouped by contains an aggregate.
    pub fn group_by<G: GroupBy<E>>(mut self, keys: G) -> Find<'s, E, S, Grouped<X>>
    where
        X: Selecting,
    {
        self.query.group = keys.into_terms().into_iter().map(|term| term.0).collect();
        self.wrap(Grouped)
    }

    /// Keeps the groups for which the filter holds: a filter on what was grouped by, and on aggregates. Several calls
    /// keep those for which all of them hold.
    pub fn having(mut self, filter: Filter<E>) -> Self
    where
        X: HasGroups,
    {
        self.query.having.push(filter.node);
        self
    }
}
