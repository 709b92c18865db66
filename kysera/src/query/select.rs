//! Selecting columns and expressions instead of whole rows.

use super::find::Find;
use super::shape::{Items, Shape, SqlBox};
use crate::backend::{Backend, Scalar};
use crate::entity::{Cells, Entity};
use crate::error::Result;
use crate::expr::{Column, Expr, Expression, Meta, Sql, Term, TermBox};
use crate::source::Source;

/// What [`Find::select`] takes: a column or an expression, whose values are then the rows, or a tuple of up to eight.
///
/// A struct that derives [`Projection`](macro@crate::Projection) has any number; see [`Find::select_as`].
#[diagnostic::on_unimplemented(
    message = "this cannot be selected from `{E}` on `{DB}`",
    label = "expected a column or an expression of `{E}`, or a tuple of up to eight",
    note = "for more than eight derive `Projection` for a struct, and use `select_as`"
)]
pub trait Selection<E, DB: Backend>: Send + 'static {
    /// What each row of the result becomes.
    type Out: Send + 'static;

    #[doc(hidden)]
    fn into_terms(self) -> Vec<TermBox>;
    #[doc(hidden)]
    fn read(cells: &mut Cells<'_, DB>) -> Result<Self::Out>;
}

/// One item of a [`Selection`]: a column or an expression whose type the database has.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be selected from `{E}` on `{DB}`",
    label = "expected a column or an expression of `{E}`"
)]
pub trait SelectionItem<E, DB: Backend>: Send + 'static {
    /// What it becomes.
    type Out: Scalar<DB>;

    #[doc(hidden)]
    fn into_term(self) -> TermBox;
}

macro_rules! single {
    ($type:ident) => {
        impl<E: 'static, T: Scalar<DB>, DB: Backend> SelectionItem<E, DB> for $type<E, T> {
            type Out = T;

            fn into_term(self) -> TermBox {
                self.as_term()
            }
        }

        impl<E: 'static, T: Scalar<DB>, DB: Backend> Selection<E, DB> for $type<E, T> {
            type Out = T;

            fn into_terms(self) -> Vec<TermBox> {
                vec![self.as_term()]
            }

            fn read(cells: &mut Cells<'_, DB>) -> Result<T> {
                cells.next()
            }
        }
    };
}
single!(Column);
single!(Expr);

macro_rules! tuples {
    ($($A:ident),+) => {
        impl<E, DB: Backend, $($A: SelectionItem<E, DB>),+> Selection<E, DB> for ($($A,)+) {
            type Out = ($($A::Out,)+);

            #[allow(non_snake_case, reason = "named after their types")]
            fn into_terms(self) -> Vec<TermBox> {
                let ($($A,)+) = self;
                vec![$($A.into_term()),+]
            }

            fn read(cells: &mut Cells<'_, DB>) -> Result<Self::Out> {
                Ok(($(cells.next::<$A::Out>()?,)+))
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

/// A struct of columns and expressions of entity `E`: what [`Find::select_as`] makes of each row.
///
/// Derived with [`#[derive(Projection)]`](macro@crate::Projection).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be selected from `{E}` on `{DB}`",
    label = "not a projection of `{E}`",
    note = "derive `Projection` for it, with `#[kysera(of = {E})]`"
)]
pub trait Projection<E, DB: Backend>: Sized + Send + 'static {
    #[doc(hidden)]
    fn items() -> Vec<TermBox>;
    #[doc(hidden)]
    fn read(cells: &mut Cells<'_, DB>) -> Result<Self>;
}

/// The type of a field of a projection: that of its column.
#[diagnostic::on_unimplemented(
    message = "this field is `{F}`, its column or expression is `{Self}`",
    label = "this is `{Self}`",
    note = "a field has the very type of what it is selected from; where that is an `Option`, it may be NULL, as a sum \
            over no rows is, and `coalesce(..)` says what it is then"
)]
#[doc(hidden)]
pub trait SameAs<F> {}

impl<T> SameAs<T> for T {}

/// The item of a field of a projection.
#[doc(hidden)]
pub fn projected<F, E, X: Expression<Entity = E>>(item: X) -> TermBox
where
    X::Out: SameAs<F>,
{
    item.as_term()
}

type Read<DB, T> = fn(&mut Cells<'_, DB>) -> Result<T>;

/// Columns and expressions that are read as `T`: the [`Shape`] of a query after [`Find::select`] and [`Find::select_as`].
pub struct Selected<DB: Backend, T> {
    meta: &'static Meta,
    terms: Vec<Term>,
    // Not a bound: what cannot be selected is then reported once, and not by each method that follows as well.
    read: Read<DB, T>,
}

impl<DB: Backend, T> Clone for Selected<DB, T> {
    fn clone(&self) -> Self {
        Self { meta: self.meta, terms: self.terms.clone(), read: self.read }
    }
}

impl<DB: Backend, T> std::fmt::Debug for Selected<DB, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Selected").field("items", &self.terms.len()).finish_non_exhaustive()
    }
}

impl<DB: Backend, T: Send + 'static> Shape<DB> for Selected<DB, T> {
    type Out = T;

    fn width(&self) -> usize {
        self.terms.len()
    }

    fn write<'v>(&'v self, sql: &mut SqlBox<'_, 'v>, names: bool) {
        sql.0.list(self.terms.iter().enumerate(), ", ", |sql: &mut Sql<'v>, (place, term)| {
            sql.item(term);
            if names {
                sql.push(" AS ").ident(&format!("x{place}"));
            }
        });
    }

    fn items(&self) -> Option<Items<'_>> {
        Some(Items(&self.terms))
    }

    fn read(&self, row: &DB::Row, start: usize, check: bool) -> Result<T> {
        (self.read)(&mut Cells::new(row, self.meta, start, check).of_terms(&self.terms))
    }
}

impl<'s, E: Entity, S: Source, X> Find<'s, E, S, X> {
    /// Reads columns and expressions instead of whole rows: one, whose values are then the rows, or a tuple of up to
    /// eight. It takes the place of what was selected before.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] mod doc {
    /// # use kysera::prelude::*;
    /// # #[derive(Repository)]
    /// # #[kysera(table = "users")]
    /// # struct User { #[kysera(id)] id: i64, name: String, bio: Option<String>, age: i32 }
    /// use kysera::expr::count;
    ///
    /// async fn some(users: &UserRepository<Db<Sqlite>>) -> kysera::Result<()> {
    ///     // SELECT "users"."name" FROM "users" WHERE "users"."age" >= $1
    ///     let names: Vec<String> = users.find().filter(User::AGE.ge(18)).select(User::NAME).all().await?;
    ///     // SELECT "users"."id", COALESCE("users"."bio", $1) FROM "users"
    ///     let bios: Vec<(i64, String)> = users.find().select((User::ID, User::BIO.coalesce("-"))).all().await?;
    ///     // SELECT COUNT(*), MAX("users"."age") FROM "users"
    ///     let (number, oldest): (i64, Option<i32>) = users.find().select((count(), User::AGE.max())).one().await?;
    ///     # let _ = (names, bios, number, oldest);
    ///     Ok(())
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of the methods that end the query: [`Error::BadRequest`](crate::Error::BadRequest) before anything is sent if
    /// aggregates stand beside something that is not aggregated, unless the query [groups](Find::group_by) by it;
    /// [`Error::Decode`](crate::Error::Decode) with the column's name, or `(expression)`, if a value does not fit.
    // With `I::Out` in the place of `T`, rustc would point at the method and not at what cannot be selected.
    pub fn select<I, T>(self, items: I) -> Find<'s, E, S, Selected<S::Database, T>>
    where
        I: Selection<E, S::Database, Out = T>,
    {
        self.selected(items.into_terms(), I::read)
    }

    /// Reads a struct of columns and expressions, which derives [`Projection`](macro@crate::Projection), instead of
    /// whole rows.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] mod doc {
    /// # use kysera::prelude::*;
    /// # #[derive(Repository)]
    /// # #[kysera(table = "users")]
    /// # struct User { #[kysera(id)] id: i64, name: String, bio: Option<String> }
    /// #[derive(Debug, Projection)]
    /// #[kysera(of = User)]
    /// struct Card {
    ///     id: i64,
    ///     name: String,
    ///     #[kysera(expr = User::NAME.length())]
    ///     length: i64,
    /// }
    ///
    /// async fn cards(users: &UserRepository<Db<Sqlite>>) -> kysera::Result<Vec<Card>> {
    ///     users.find().order_by(User::NAME.asc()).select_as::<Card>().all().await
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`select`](Find::select).
    pub fn select_as<P: Projection<E, S::Database>>(self) -> Find<'s, E, S, Selected<S::Database, P>> {
        self.selected(P::items(), P::read)
    }

    fn selected<T>(
        self,
        terms: Vec<TermBox>,
        read: Read<S::Database, T>,
    ) -> Find<'s, E, S, Selected<S::Database, T>> {
        let terms = terms.into_iter().map(|term| term.0).collect();
        self.reshape(Selected { meta: E::META, terms, read })
    }
}

impl<'s, E, S, X> Find<'s, E, S, X> {
    /// Leaves out rows that are equal to another one: `SELECT DISTINCT ..`
    ///
    /// [`count`](Find::count) then counts different rows. The query can be ordered by what it selects alone.
    pub fn distinct(mut self) -> Self {
        self.query.distinct = true;
        self
    }
}
