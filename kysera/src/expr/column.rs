//! Typed columns and what may be compared with them.

use std::marker::PhantomData;
use std::sync::Arc;

use super::expression::{Subject, TermBox};
use super::meta::Col;
use super::term::Term;
use super::value::{Codec, Value};

/// A column of entity `E` that holds a `T`. The derive makes one constant per field: `User::EMAIL`.
///
/// Comparisons take whatever [`IntoColumn`] accepts for the column's type, or another column or expression of the same
/// entity, and answer a [`Filter`](super::Filter). They mean what SQL means: a NULL is neither equal nor unequal to a
/// value, so rows with NULL match `eq(None)` and [`is_null`](Column::is_null) alone.
///
/// What is computed of a column is an [`Expr`](super::Expr), which has the same methods.
pub struct Column<E, T> {
    col: &'static Col,
    types: PhantomData<fn() -> (E, T)>,
}

impl<E, T> Clone for Column<E, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E, T> Copy for Column<E, T> {}

impl<E, T> std::fmt::Debug for Column<E, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.col.table, self.col.name)
    }
}

impl<E, T> Column<E, T> {
    #[doc(hidden)]
    pub const fn new(col: &'static Col) -> Self {
        Self { col, types: PhantomData }
    }

    #[doc(hidden)]
    pub const fn col(self) -> &'static Col {
        self.col
    }

    /// The column's name in the database.
    pub const fn name(self) -> &'static str {
        self.col.name
    }

    /// The column's table in the database, without its schema.
    pub const fn table(self) -> &'static str {
        self.col.table
    }
}

impl<E, T: Send + Sync + 'static> Subject<T> for Column<E, T> {
    fn term(&self) -> TermBox {
        TermBox(Term::Column(self.col))
    }

    fn codec(&self) -> &'static Codec {
        self.col.codec
    }

    fn convert(&self, value: T) -> Option<Value> {
        Some(Arc::new(value))
    }
}

/// A type whose columns hold text, and may be searched as such.
///
/// Implement it for a newtype of your own: `impl kysera::expr::Text for Email {}`.
#[diagnostic::on_unimplemented(
    message = "a column of type `{Self}` is not text",
    label = "not text",
    note = "for a newtype over a string write `impl kysera::expr::Text for {Self} {{}}`"
)]
pub trait Text {}

impl Text for String {}
impl Text for Box<str> {}
impl<T: Text> Text for Option<T> {}

/// What may be given for a column of type `T`: a `T`, a `&T`, a plain value for a nullable column, and `&str` for text.
#[diagnostic::on_unimplemented(
    message = "a column of type `{T}` does not take a value of type `{Self}`",
    label = "expected `{T}`"
)]
pub trait IntoColumn<T> {
    /// Converts.
    fn into_column(self) -> T;
}

impl<T> IntoColumn<T> for T {
    fn into_column(self) -> T {
        self
    }
}

impl<T> IntoColumn<Option<T>> for T {
    fn into_column(self) -> Option<T> {
        Some(self)
    }
}

impl<T: Clone> IntoColumn<T> for &T {
    fn into_column(self) -> T {
        self.clone()
    }
}

impl IntoColumn<String> for &str {
    fn into_column(self) -> String {
        self.into()
    }
}

impl IntoColumn<Option<String>> for &str {
    fn into_column(self) -> Option<String> {
        Some(self.into())
    }
}

/// One or several columns of an entity: a [`Column`], or a tuple of up to six.
pub trait Columns<E> {
    #[doc(hidden)]
    fn cols(&self) -> Vec<&'static Col>;
}

impl<E, T> Columns<E> for Column<E, T> {
    fn cols(&self) -> Vec<&'static Col> {
        vec![self.col]
    }
}

macro_rules! columns {
    ($($T:ident $i:tt),+) => {
        impl<E, $($T),+> Columns<E> for ($(Column<E, $T>,)+) {
            fn cols(&self) -> Vec<&'static Col> {
                vec![$(self.$i.col),+]
            }
        }
    };
}
columns!(A 0);
columns!(A 0, B 1);
columns!(A 0, B 1, C 2);
columns!(A 0, B 1, C 2, D 3);
columns!(A 0, B 1, C 2, D 3, F 4);
columns!(A 0, B 1, C 2, D 3, F 4, G 5);
