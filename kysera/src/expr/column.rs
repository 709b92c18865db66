//! Typed columns and what may be compared with them.

use std::marker::PhantomData;
use std::sync::Arc;

use super::filter::{Compare, Filter, Node, TextMatch};
use super::meta::Col;
use super::order::Order;
use super::value::Value;

/// A column of entity `E` that holds a `T`. The derive makes one constant per field: `User::EMAIL`.
///
/// Comparisons take whatever [`IntoColumn`] accepts for the column's type and answer a [`Filter`]. They mean what SQL
/// means: a NULL is neither equal nor unequal to a value, so rows with NULL match `eq(None)` and
/// [`is_null`](Column::is_null) alone.
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

    /// Smallest first.
    pub fn asc(self) -> Order<E> {
        Order::new(self.col, false)
    }

    /// Largest first.
    pub fn desc(self) -> Order<E> {
        Order::new(self.col, true)
    }
}

impl<E, T: Send + Sync + 'static> Column<E, T> {
    fn value(value: impl IntoColumn<T>) -> Value {
        Arc::new(value.into_column())
    }

    fn values<V: IntoColumn<T>>(values: impl IntoIterator<Item = V>) -> Vec<Value> {
        values.into_iter().map(Self::value).collect()
    }

    fn compare(self, op: Compare, value: impl IntoColumn<T>) -> Filter<E> {
        Filter::of(Node::Compare { col: self.col, op, value: Self::value(value) })
    }

    /// `column = value`; `column IS NULL` for `None`.
    pub fn eq(self, value: impl IntoColumn<T>) -> Filter<E> {
        self.compare(Compare::Eq, value)
    }

    /// `column <> value`; `column IS NOT NULL` for `None`.
    pub fn ne(self, value: impl IntoColumn<T>) -> Filter<E> {
        self.compare(Compare::Ne, value)
    }

    /// `column > value`. Nothing is greater than `None`.
    pub fn gt(self, value: impl IntoColumn<T>) -> Filter<E> {
        self.compare(Compare::Gt, value)
    }

    /// `column >= value`. Nothing is greater than `None`.
    pub fn ge(self, value: impl IntoColumn<T>) -> Filter<E> {
        self.compare(Compare::Ge, value)
    }

    /// `column < value`. Nothing is less than `None`.
    pub fn lt(self, value: impl IntoColumn<T>) -> Filter<E> {
        self.compare(Compare::Lt, value)
    }

    /// `column <= value`. Nothing is less than `None`.
    pub fn le(self, value: impl IntoColumn<T>) -> Filter<E> {
        self.compare(Compare::Le, value)
    }

    /// `low <= column AND column <= high`: both ends belong to it.
    pub fn between(self, low: impl IntoColumn<T>, high: impl IntoColumn<T>) -> Filter<E> {
        self.ge(low) & self.le(high)
    }

    /// One of the values; nothing if there are none. `None` among them means NULL.
    ///
    /// PostgreSQL gets them as one array, so that the text does not depend on their number.
    pub fn in_<V: IntoColumn<T>>(self, values: impl IntoIterator<Item = V>) -> Filter<E> {
        Filter::of(Node::In { col: self.col, values: Self::values(values), negated: false })
    }

    /// None of the values; everything if there are none. As in SQL, rows with NULL do not match unless the list is
    /// empty.
    pub fn not_in<V: IntoColumn<T>>(self, values: impl IntoIterator<Item = V>) -> Filter<E> {
        Filter::of(Node::In { col: self.col, values: Self::values(values), negated: true })
    }
}

impl<E, T> Column<E, Option<T>> {
    /// `column IS NULL`
    pub fn is_null(self) -> Filter<E> {
        Filter::of(Node::IsNull { col: self.col, negated: false })
    }

    /// `column IS NOT NULL`
    pub fn is_not_null(self) -> Filter<E> {
        Filter::of(Node::IsNull { col: self.col, negated: true })
    }
}

impl<E, T: Text> Column<E, T> {
    fn matches(self, kind: TextMatch, text: impl Into<String>) -> Filter<E> {
        Filter::of(Node::Text { col: self.col, kind, text: text.into() })
    }

    /// The text occurs in the column. `%`, `_` and `\` stand for themselves.
    ///
    /// Case counts on PostgreSQL and SQLite; on MySQL the column's collation decides, as it does for `=`.
    pub fn contains(self, text: impl Into<String>) -> Filter<E> {
        self.matches(TextMatch::Contains, text)
    }

    /// The column starts with the text. Case and wildcards as in [`contains`](Column::contains).
    pub fn starts_with(self, text: impl Into<String>) -> Filter<E> {
        self.matches(TextMatch::StartsWith, text)
    }

    /// The column ends with the text. Case and wildcards as in [`contains`](Column::contains).
    pub fn ends_with(self, text: impl Into<String>) -> Filter<E> {
        self.matches(TextMatch::EndsWith, text)
    }

    /// The database's own LIKE: `%` is any text, `_` any character, `\` makes the next one literal.
    ///
    /// Case counts on PostgreSQL; on MySQL the collation decides; SQLite ignores the case of ASCII letters.
    pub fn like(self, pattern: impl Into<String>) -> Filter<E> {
        self.matches(TextMatch::Like, pattern)
    }

    /// Not [`like`](Column::like). As in SQL, rows with NULL do not match.
    pub fn not_like(self, pattern: impl Into<String>) -> Filter<E> {
        self.matches(TextMatch::NotLike, pattern)
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
