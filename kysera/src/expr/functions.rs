//! What columns and expressions can be asked and turned into: one list for both.

use super::column::{Column, IntoColumn, Text};
use super::expression::operand::NoNewNull;
use super::expression::{
    Expr, IntoOperand, Subject, coalesce, compare, in_list, nullable, operand_term, value_term,
};
use super::filter::{ArrayOp, Compare, Filter, Node, TextMatch};
use super::order::Order;
use super::term::{Aggregate, AggregateFunction, Arithmetic, Call, Json, JsonPath, Term};
use super::types::{Array, CastTarget, JsonDocument, NotNull, Nullable, Number};
use crate::__private::codec;

pub(super) fn count_term(of: Option<Term>, distinct: bool) -> Term {
    Term::Aggregate(Box::new(Aggregate { function: AggregateFunction::Count, distinct, of }))
}

fn aggregate(function: AggregateFunction, of: Term) -> Term {
    Term::Aggregate(Box::new(Aggregate { function, distinct: false, of: Some(of) }))
}

fn text_match<E, T>(subject: &impl Subject<T>, kind: TextMatch, text: impl Into<String>) -> Filter<E> {
    Filter::of(Node::Text { term: subject.term().0, kind, text: text.into() })
}

fn json<T>(subject: &impl Subject<T>, what: Json, path: impl JsonPath) -> Term {
    Term::Json(what, Box::new(subject.term().0), path.into_steps())
}

macro_rules! subject {
    ($type:ident) => {
        impl<E, T> $type<E, T>
        where
            Self: Subject<T>,
        {
            /// `a = b`; `a IS NULL` for `None`.
            pub fn eq<M>(self, other: impl IntoOperand<E, T, M>) -> Filter<E> {
                Filter::of(compare(&self, Compare::Eq, other.into_operand()))
            }

            /// `a <> b`; `a IS NOT NULL` for `None`.
            pub fn ne<M>(self, other: impl IntoOperand<E, T, M>) -> Filter<E> {
                Filter::of(compare(&self, Compare::Ne, other.into_operand()))
            }

            /// `a > b`. Nothing is greater than `None`.
            pub fn gt<M>(self, other: impl IntoOperand<E, T, M>) -> Filter<E> {
                Filter::of(compare(&self, Compare::Gt, other.into_operand()))
            }

            /// `a >= b`. Nothing is greater than `None`.
            pub fn ge<M>(self, other: impl IntoOperand<E, T, M>) -> Filter<E> {
                Filter::of(compare(&self, Compare::Ge, other.into_operand()))
            }

            /// `a < b`. Nothing is less than `None`.
            pub fn lt<M>(self, other: impl IntoOperand<E, T, M>) -> Filter<E> {
                Filter::of(compare(&self, Compare::Lt, other.into_operand()))
            }

            /// `a <= b`. Nothing is less than `None`.
            pub fn le<M>(self, other: impl IntoOperand<E, T, M>) -> Filter<E> {
                Filter::of(compare(&self, Compare::Le, other.into_operand()))
            }

            /// `low <= a AND a <= high`: both ends belong to it.
            pub fn between<M, N>(
                self,
                low: impl IntoOperand<E, T, M>,
                high: impl IntoOperand<E, T, N>,
            ) -> Filter<E> {
                let low = compare(&self, Compare::Ge, low.into_operand());
                let high = compare(&self, Compare::Le, high.into_operand());
                Filter::of(Node::All(vec![low, high]))
            }

            /// One of the values; nothing if there are none. `None` among them means NULL.
            ///
            /// PostgreSQL gets them as one array, so that the text does not depend on their number.
            pub fn in_<V: IntoColumn<T>>(self, values: impl IntoIterator<Item = V>) -> Filter<E> {
                Filter::of(in_list(&self, values, false))
            }

            /// None of the values; everything if there are none. As in SQL, rows with NULL do not match unless the list
            /// is empty.
            pub fn not_in<V: IntoColumn<T>>(self, values: impl IntoIterator<Item = V>) -> Filter<E> {
                Filter::of(in_list(&self, values, true))
            }

            /// Smallest first.
            pub fn asc(self) -> Order<E> {
                Order::new(self.term().0, false)
            }

            /// Largest first.
            pub fn desc(self) -> Order<E> {
                Order::new(self.term().0, true)
            }

            /// `COUNT(a)`: in how many rows it is not NULL.
            pub fn count(self) -> Expr<E, i64> {
                Expr::typed(count_term(Some(self.term().0), false), codec!(i64))
            }

            /// `COUNT(DISTINCT a)`: how many different values it has, NULL left out.
            pub fn count_distinct(self) -> Expr<E, i64> {
                Expr::typed(count_term(Some(self.term().0), true), codec!(i64))
            }
        }

        impl<E, T> $type<E, Option<T>>
        where
            Self: Subject<Option<T>>,
        {
            /// `a IS NULL`
            pub fn is_null(self) -> Filter<E> {
                Filter::of(Node::IsNull { term: self.term().0, negated: false })
            }

            /// `a IS NOT NULL`
            pub fn is_not_null(self) -> Filter<E> {
                Filter::of(Node::IsNull { term: self.term().0, negated: true })
            }

            /// `COALESCE(a, b)`: the other value where this one is NULL.
            pub fn coalesce<M: NoNewNull>(self, other: impl IntoOperand<E, T, M>) -> Expr<E, T>
            where
                Self: Send + Sync + 'static,
                T: NotNull,
            {
                let term = coalesce(&self, other.into_operand().nullable());
                Expr::new(term, self.codec(), move |value| self.convert(Some(value)))
            }
        }

        impl<E, T: Nullable> $type<E, T>
        where
            Self: Subject<T> + Send + Sync + 'static,
        {
            /// `MIN(a)`; `None` where there is no value. What the database cannot order, such as truth values and UUIDs on
            /// PostgreSQL, is an error of its own.
            pub fn min(self) -> Expr<E, Option<T::Inner>> {
                nullable(aggregate(AggregateFunction::Min, self.term().0), self)
            }

            /// `MAX(a)`; `None` where there is no value. As for [`min`](Self::min), it takes an order.
            pub fn max(self) -> Expr<E, Option<T::Inner>> {
                nullable(aggregate(AggregateFunction::Max, self.term().0), self)
            }

            /// `CAST(a AS ..)`, to `i64`, `f64` or `String`.
            ///
            /// What cannot be cast is an error on PostgreSQL; MySQL and SQLite take what they can read of it, or 0. A float
            /// becomes the nearest integer; on SQLite its digits behind the point are cut off.
            pub fn cast<U: CastTarget>(self) -> Expr<E, T::With<U>> {
                let (kind, codec) = U::CAST;
                Expr::new(Term::Cast(Box::new(self.term().0), kind.0), codec, |value| {
                    T::some::<U>(value).map(|value| std::sync::Arc::new(value) as super::value::Value)
                })
            }
        }

        impl<E, T: Nullable> $type<E, T>
        where
            T::Inner: Number,
            Self: Subject<T> + Send + Sync + 'static,
        {
            /// `SUM(a)`; `None` where there is no value. Which type a sum has says [`Number`].
            pub fn sum(self) -> Expr<E, Option<<T::Inner as Number>::Sum>> {
                let (kind, codec) = <T::Inner as Number>::SUM;
                Expr::typed(aggregate(kind.0, self.term().0), codec)
            }

            /// `AVG(a)`; `None` where there is no value. Which type an average has says [`Number`].
            pub fn avg(self) -> Expr<E, Option<<T::Inner as Number>::Avg>> {
                let (kind, codec) = <T::Inner as Number>::AVG;
                Expr::typed(aggregate(kind.0, self.term().0), codec)
            }

            /// `a + b`. What is out of range is an error of PostgreSQL and MySQL; SQLite goes on with a float.
            pub fn plus<M: NoNewNull>(self, other: impl IntoOperand<E, T, M>) -> Expr<E, T> {
                self.arithmetic(Arithmetic::Plus, other)
            }

            /// `a - b`. What is out of range is treated as by [`plus`](Self::plus).
            pub fn minus<M: NoNewNull>(self, other: impl IntoOperand<E, T, M>) -> Expr<E, T> {
                self.arithmetic(Arithmetic::Minus, other)
            }

            /// `a * b`. What is out of range is treated as by [`plus`](Self::plus).
            pub fn times<M: NoNewNull>(self, other: impl IntoOperand<E, T, M>) -> Expr<E, T> {
                self.arithmetic(Arithmetic::Times, other)
            }

            /// `ABS(a)`
            pub fn abs(self) -> Expr<E, T> {
                let (term, codec) = (Term::Call(Call::Abs, vec![self.term().0]), self.codec());
                Expr::new(term, codec, move |value| self.convert(value))
            }

            fn arithmetic<M>(self, op: Arithmetic, other: impl IntoOperand<E, T, M>) -> Expr<E, T> {
                let other = operand_term(&self, other.into_operand());
                let term = Term::Arithmetic(op, Box::new((self.term().0, other)));
                let codec = self.codec();
                Expr::new(term, codec, move |value| self.convert(value))
            }
        }

        impl<E, T: Text> $type<E, T>
        where
            Self: Subject<T>,
        {
            /// The text occurs in it. `%`, `_` and `\` stand for themselves.
            ///
            /// Case counts on PostgreSQL and SQLite; on MySQL the column's collation decides, as it does for `=`.
            pub fn contains(self, text: impl Into<String>) -> Filter<E> {
                text_match(&self, TextMatch::Contains, text)
            }

            /// It starts with the text. Case and wildcards as in [`contains`](Self::contains).
            pub fn starts_with(self, text: impl Into<String>) -> Filter<E> {
                text_match(&self, TextMatch::StartsWith, text)
            }

            /// It ends with the text. Case and wildcards as in [`contains`](Self::contains).
            pub fn ends_with(self, text: impl Into<String>) -> Filter<E> {
                text_match(&self, TextMatch::EndsWith, text)
            }

            /// The database's own LIKE: `%` is any text, `_` any character, `\` makes the next one literal.
            ///
            /// Case counts on PostgreSQL; on MySQL the collation decides; SQLite ignores the case of ASCII letters.
            pub fn like(self, pattern: impl Into<String>) -> Filter<E> {
                text_match(&self, TextMatch::Like, pattern)
            }

            /// Not [`like`](Self::like). As in SQL, rows with NULL do not match.
            pub fn not_like(self, pattern: impl Into<String>) -> Filter<E> {
                text_match(&self, TextMatch::NotLike, pattern)
            }

            /// It is the text, whatever the case of letters: `LOWER(a) = LOWER(b)`.
            ///
            /// Which letters have a case: on PostgreSQL those of the column's collation, on MySQL all of Unicode (there the
            /// collation may ignore more, such as accents), on SQLite those of ASCII.
            pub fn eq_ignore_case(self, text: impl Into<String>) -> Filter<E> {
                text_match(&self, TextMatch::EqualsIgnoreCase, text)
            }

            /// The text occurs in it, whatever the case of letters; which have one says
            /// [`eq_ignore_case`](Self::eq_ignore_case).
            pub fn contains_ignore_case(self, text: impl Into<String>) -> Filter<E> {
                text_match(&self, TextMatch::ContainsIgnoreCase, text)
            }

            /// It starts with the text, whatever the case of letters; which have one says
            /// [`eq_ignore_case`](Self::eq_ignore_case).
            pub fn starts_with_ignore_case(self, text: impl Into<String>) -> Filter<E> {
                text_match(&self, TextMatch::StartsWithIgnoreCase, text)
            }

            /// It ends with the text, whatever the case of letters; which have one says
            /// [`eq_ignore_case`](Self::eq_ignore_case).
            pub fn ends_with_ignore_case(self, text: impl Into<String>) -> Filter<E> {
                text_match(&self, TextMatch::EndsWithIgnoreCase, text)
            }

            /// [`like`](Self::like), whatever the case of letters: PostgreSQL's ILIKE; `LOWER(a) LIKE LOWER(b)` on MySQL;
            /// LIKE on SQLite, which knows the letters of ASCII.
            pub fn ilike(self, pattern: impl Into<String>) -> Filter<E> {
                text_match(&self, TextMatch::LikeIgnoreCase, pattern)
            }

            /// `LOWER(a)`; which letters have a case says [`eq_ignore_case`](Self::eq_ignore_case).
            pub fn lower(self) -> Expr<E, T>
            where
                Self: Send + Sync + 'static,
            {
                self.text_call(Call::Lower)
            }

            /// `UPPER(a)`; which letters have a case says [`eq_ignore_case`](Self::eq_ignore_case).
            pub fn upper(self) -> Expr<E, T>
            where
                Self: Send + Sync + 'static,
            {
                self.text_call(Call::Upper)
            }

            /// `TRIM(a)`: without spaces at both ends.
            pub fn trim(self) -> Expr<E, T>
            where
                Self: Send + Sync + 'static,
            {
                self.text_call(Call::Trim)
            }

            fn text_call(self, call: Call) -> Expr<E, T>
            where
                Self: Send + Sync + 'static,
            {
                let (term, codec) = (Term::Call(call, vec![self.term().0]), self.codec());
                Expr::new(term, codec, move |value| self.convert(value))
            }

            /// How many characters it has; on SQLite those before a NUL.
            pub fn length(self) -> Expr<E, T::With<i64>>
            where
                T: Nullable,
            {
                Expr::new(Term::Call(Call::Length, vec![self.term().0]), codec!(i64), |value| {
                    T::some::<i64>(value).map(|value| std::sync::Arc::new(value) as super::value::Value)
                })
            }
        }

        impl<E, T: JsonDocument> $type<E, T>
        where
            Self: Subject<T>,
        {
            /// The text at a path of the document; `None` where there is none, or something else.
            ///
            /// ```
            /// # #[cfg(all(feature = "sqlite", feature = "json"))] mod doc {
            /// # use kysera::prelude::*;
            /// # #[derive(Repository)]
            /// # #[kysera(table = "users")]
            /// # struct User { #[kysera(id)] id: i64, settings: serde_json::Value }
            /// fn dark() -> Filter<User> {
            ///     User::SETTINGS.json_text(["ui", "theme"]).eq("dark")
            /// }
            /// # }
            /// ```
            ///
            /// The steps are names of members or, as `usize`, places in arrays; for both write
            /// `["tags".into(), JsonKey::from(0)]`. The name of a member has no NUL; on MySQL and SQLite it has no quote and no
            /// backslash either, and on MySQL no `-` in front: those are [`Error::Unsupported`](crate::Error::Unsupported).
            pub fn json_text(self, path: impl JsonPath) -> Expr<E, Option<String>> {
                Expr::typed(json(&self, Json::Text, path), codec!(Option<String>))
            }

            /// The number at a path of the document; `None` where there is none, or something else. Steps as in
            /// [`json_text`](Self::json_text).
            ///
            /// It is read as a double: integers beyond 2^53 are rounded, and SQLite may be off in the last digit. What is
            /// closer to zero than any double is 0. What is beyond the largest one, such as `1e400`, is `None` on PostgreSQL,
            /// infinite on SQLite, and the largest one on MariaDB; MySQL does not store it.
            pub fn json_number(self, path: impl JsonPath) -> Expr<E, Option<f64>> {
                Expr::typed(json(&self, Json::Number, path), codec!(Option<f64>))
            }

            /// The truth value at a path of the document; `None` where there is none, or something else. Steps as in
            /// [`json_text`](Self::json_text).
            pub fn json_bool(self, path: impl JsonPath) -> Expr<E, Option<bool>> {
                Expr::typed(json(&self, Json::Bool, path), codec!(Option<bool>))
            }

            /// There is something at a path of the document, if only `null`; there is nothing where the document is NULL. Steps
            /// as in [`json_text`](Self::json_text).
            pub fn json_has(self, path: impl JsonPath) -> Filter<E> {
                Filter::of(Node::Holds(json(&self, Json::Exists, path)))
            }
        }

        impl<E, T: Array> $type<E, T>
        where
            Self: Subject<T>,
        {
            /// All of the elements are in the array: PostgreSQL's `@>`.
            pub fn contains_all(self, elements: impl IntoColumn<T>) -> Filter<E> {
                let right = value_term(&self, elements.into_column());
                Filter::of(Node::Array { left: self.term().0, op: ArrayOp::Contains, right })
            }

            /// All elements of the array are among these: PostgreSQL's `<@`.
            pub fn contained_in(self, elements: impl IntoColumn<T>) -> Filter<E> {
                let right = value_term(&self, elements.into_column());
                Filter::of(Node::Array { left: self.term().0, op: ArrayOp::ContainedBy, right })
            }

            /// One of the elements is in the array: PostgreSQL's `&&`.
            pub fn overlaps(self, elements: impl IntoColumn<T>) -> Filter<E> {
                let right = value_term(&self, elements.into_column());
                Filter::of(Node::Array { left: self.term().0, op: ArrayOp::Overlaps, right })
            }
        }
    };
}
subject!(Column);
subject!(Expr);
