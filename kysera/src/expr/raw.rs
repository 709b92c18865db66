//! SQL of the user's own within a filter.

use super::column::Column;
use super::expression::{Expr, Expression};
use super::filter::{Filter, Node};
use super::term::Term;
use crate::__private::codec;

/// An argument of [`Filter::raw`]: a column or expression of the entity, which is written as it should be, or a value,
/// which is bound.
///
/// Values are numbers, texts, truth values, bytes, and whatever [`Column::arg`] takes, which binds a value as the
/// column's type.
pub struct RawArg<E>(Term, std::marker::PhantomData<fn() -> E>);

impl<E> RawArg<E> {
    fn of(term: Term) -> Self {
        Self(term, std::marker::PhantomData)
    }
}

impl<E, T: Send + Sync + 'static> From<Column<E, T>> for RawArg<E> {
    fn from(column: Column<E, T>) -> Self {
        Self::of(column.as_term().0)
    }
}

impl<E, T: Send + Sync + 'static> From<Expr<E, T>> for RawArg<E> {
    fn from(expr: Expr<E, T>) -> Self {
        Self::of(expr.term)
    }
}

macro_rules! values {
    ($($type:ty),*) => { $(
        impl<E> From<$type> for RawArg<E> {
            fn from(value: $type) -> Self {
                Self::of(Term::Value(codec!($type), std::sync::Arc::new(value)))
            }
        }
    )* };
}
values!(bool, i16, i32, i64, f32, f64, String, Vec<u8>);

impl<E> From<&str> for RawArg<E> {
    fn from(value: &str) -> Self {
        String::from(value).into()
    }
}

impl<E, T: Send + Sync + 'static> Column<E, T> {
    /// A value of the column's type as an argument of [`Filter::raw`].
    pub fn arg(self, value: impl super::IntoColumn<T>) -> RawArg<E> {
        RawArg::of(super::expression::value_term(&self, value.into_column()))
    }
}

/// The arguments of [`Filter::raw`]: an array or `Vec` of things of one kind, a tuple of up to eight, or `()`.
pub trait RawArgs<E> {
    #[doc(hidden)]
    fn into_args(self) -> Vec<RawArg<E>>;
}

impl<E> RawArgs<E> for () {
    fn into_args(self) -> Vec<RawArg<E>> {
        Vec::new()
    }
}

impl<E, A: Into<RawArg<E>>, const N: usize> RawArgs<E> for [A; N] {
    fn into_args(self) -> Vec<RawArg<E>> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<E, A: Into<RawArg<E>>> RawArgs<E> for Vec<A> {
    fn into_args(self) -> Vec<RawArg<E>> {
        self.into_iter().map(Into::into).collect()
    }
}

macro_rules! tuples {
    ($($A:ident),+) => {
        impl<E, $($A: Into<RawArg<E>>),+> RawArgs<E> for ($($A,)+) {
            #[allow(non_snake_case, reason = "named after their types")]
            fn into_args(self) -> Vec<RawArg<E>> {
                let ($($A,)+) = self;
                vec![$($A.into()),+]
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

impl<E> Filter<E> {
    /// A condition in SQL of your own, with a `{}` for each argument; `{{` and `}}` are braces.
    ///
    /// It is put in parentheses and combined with everything else that the statement carries. The text is a literal, so
    /// that nothing from outside gets into it; values are bound. Give columns as arguments, as they are quoted and named
    /// after the table that they belong to in this very statement. (On PostgreSQL a comment behind each value says its
    /// type.) A number of arguments that does not fit is
    /// [`Error::BadRequest`](crate::Error::BadRequest) before anything is sent.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] mod doc {
    /// # use kysera::prelude::*;
    /// # #[derive(Repository)]
    /// # #[kysera(table = "users")]
    /// # struct User { #[kysera(id)] id: i64, email: String }
    /// fn at_host(host: &str) -> Filter<User> {
    ///     Filter::raw("substr({}, -length({})) = {}", (User::EMAIL, host, host))
    /// }
    /// # }
    /// ```
    pub fn raw(sql: &'static str, args: impl RawArgs<E>) -> Self {
        let args = args.into_args().into_iter().map(|arg| arg.0).collect();
        Self::of(Node::Holds(Term::Raw(sql, args)))
    }
}

/// SQL with arguments, about no entity.
pub(crate) fn raw_term(text: &'static str, args: impl RawArgs<()>) -> Term {
    Term::Raw(text, args.into_args().into_iter().map(|arg| arg.0).collect())
}
