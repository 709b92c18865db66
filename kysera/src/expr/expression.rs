//! Typed expressions: columns, and what is computed of them.

use std::marker::PhantomData;
use std::sync::Arc;

use super::claim::Claim;
use super::column::{Column, IntoColumn};
use super::filter::{Compare, Node};
use super::term::{Call, Term};
use super::types::Nullable;
use super::value::{Codec, Value};

type Convert<T> = Arc<dyn Fn(T) -> Option<Value> + Send + Sync>;

/// An SQL expression over rows of entity `E` whose values are `T`s: `User::NAME.lower()`, `User::LOGINS.plus(1)`,
/// [`count()`].
///
/// It can be selected, compared, ordered by and grouped by; it is plain data and knows no database.
pub struct Expr<E, T> {
    pub(crate) term: Term,
    codec: &'static Codec,
    /// A value to compare with, as the codec takes it; `None` is NULL.
    convert: Convert<T>,
    entity: PhantomData<fn() -> E>,
}

impl<E, T> Clone for Expr<E, T> {
    fn clone(&self) -> Self {
        Self {
            term: self.term.clone(),
            codec: self.codec,
            convert: self.convert.clone(),
            entity: PhantomData,
        }
    }
}

impl<E, T> std::fmt::Debug for Expr<E, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Expr").finish_non_exhaustive()
    }
}

impl<E, T> Expr<E, T> {
    pub(crate) fn new(
        term: Term,
        codec: &'static Codec,
        convert: impl Fn(T) -> Option<Value> + Send + Sync + 'static,
    ) -> Self {
        Self { term, codec, convert: Arc::new(convert), entity: PhantomData }
    }
}

impl<E, T: Send + Sync + 'static> Expr<E, T> {
    /// Of a type whose codec is at hand.
    pub(crate) fn typed(term: Term, codec: &'static Codec) -> Self {
        Self::new(term, codec, |value: T| Some(Arc::new(value)))
    }
}

/// Something that is compared: a column or an expression.
#[doc(hidden)]
pub trait Subject<T> {
    fn term(&self) -> TermBox;
    fn codec(&self) -> &'static Codec;
    fn convert(&self, value: T) -> Option<Value>;
}

impl<E, T> Subject<T> for Expr<E, T> {
    fn term(&self) -> TermBox {
        TermBox(self.term.clone())
    }

    fn codec(&self) -> &'static Codec {
        self.codec
    }

    fn convert(&self, value: T) -> Option<Value> {
        (self.convert)(value)
    }
}

/// A value as a term; what the codec takes for NULL is one.
pub(super) fn value_term<T>(subject: &impl Subject<T>, value: T) -> Term {
    let codec = subject.codec();
    match subject.convert(value) {
        Some(value) if !(codec.is_null)(&*value) => Term::Value(codec, value),
        _ => Term::Null,
    }
}

/// The other side of a comparison, or of an assignment.
pub(crate) fn operand_term<E, T>(subject: &impl Subject<T>, operand: Operand<E, T>) -> Term {
    match operand.0 {
        Side::Value(value) => value_term(subject, value),
        Side::Term(term) => term,
    }
}

pub(super) fn compare<E, T>(subject: &impl Subject<T>, op: Compare, operand: Operand<E, T>) -> Node {
    Node::Compare { left: subject.term().0, op, right: operand_term(subject, operand) }
}

pub(super) fn in_list<T, V: IntoColumn<T>>(
    subject: &impl Subject<T>,
    values: impl IntoIterator<Item = V>,
    negated: bool,
) -> Node {
    let codec = subject.codec();
    let mut null = false;
    let mut some = Vec::new();
    for value in values {
        match subject.convert(value.into_column()) {
            Some(value) if !(codec.is_null)(&*value) => some.push(value),
            _ => null = true,
        }
    }
    Node::In { left: subject.term().0, codec, values: some.into(), null, negated }
}

/// A column or an expression: what can be selected, ordered and grouped by.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no column or expression",
    label = "expected a column such as `User::NAME`, or an expression such as `User::NAME.lower()`"
)]
pub trait Expression: Send {
    /// Whose rows it is over.
    type Entity;
    /// What its values are.
    type Out: Send + 'static;

    /// As an [`Expr`].
    fn into_expr(self) -> Expr<Self::Entity, Self::Out>;

    #[doc(hidden)]
    fn as_term(&self) -> TermBox;
}

/// Hides the tree of an expression from the public API.
#[doc(hidden)]
pub struct TermBox(pub(crate) Term);

impl<E, T: Send + Sync + 'static> Expression for Column<E, T> {
    type Entity = E;
    type Out = T;

    fn into_expr(self) -> Expr<E, T> {
        Expr::typed(Term::Column(self.col()), self.col().codec)
    }

    fn as_term(&self) -> TermBox {
        TermBox(Term::Column(self.col()))
    }
}

impl<E, T: Send + 'static> Expression for Expr<E, T> {
    type Entity = E;
    type Out = T;

    fn into_expr(self) -> Self {
        self
    }

    fn as_term(&self) -> TermBox {
        TermBox(self.term.clone())
    }
}

/// What a column or expression of type `T` is compared with: a value, or another column or expression of the entity.
pub struct Operand<E, T>(Side<T>, PhantomData<fn() -> E>);

enum Side<T> {
    Value(T),
    Term(Term),
}

impl<E, T> Operand<E, T> {
    /// The same where NULL is allowed.
    pub(super) fn nullable(self) -> Operand<E, Option<T>> {
        let side = match self.0 {
            Side::Value(value) => Side::Value(Some(value)),
            Side::Term(term) => Side::Term(term),
        };
        Operand(side, PhantomData)
    }
}

/// What can be compared with a column or expression of type `T`: whatever [`IntoColumn`] accepts, and columns and
/// expressions of the same entity, nullable or not.
///
/// `M` tells the cases apart and is always inferred.
#[diagnostic::on_unimplemented(
    message = "a column of type `{T}` does not compare with `{Self}`",
    label = "expected a value of type `{T}`, or a column of the same entity and type"
)]
pub trait IntoOperand<E, T, M> {
    /// Converts.
    fn into_operand(self) -> Operand<E, T>;
}

/// How [`IntoOperand`] tells its cases apart.
#[doc(hidden)]
pub mod operand {
    /// NULL only where the other side has it too.
    #[diagnostic::on_unimplemented(
        message = "the other side may be NULL, which the result could not hold",
        label = "the other side is nullable",
        note = "give it a value in the place of NULL with `coalesce`"
    )]
    pub trait NoNewNull {}
    impl NoNewNull for Value {}
    impl NoNewNull for Same {}
    impl NoNewNull for NotNull {}

    #[derive(Debug)]
    pub struct Value;
    #[derive(Debug)]
    pub struct Claimed;
    #[derive(Debug)]
    pub struct NullableClaimed;
    #[derive(Debug)]
    pub struct Same;
    #[derive(Debug)]
    pub struct NotNull;
    #[derive(Debug)]
    pub struct Nullable;
}

// One impl for all, because the compiler lists the impls of a trait that is not fulfilled, and these are noise.
#[diagnostic::do_not_recommend]
impl<E, T, M, V: OperandKind<E, T, M>> IntoOperand<E, T, M> for V {
    fn into_operand(self) -> Operand<E, T> {
        self.operand()
    }
}

/// The cases of [`IntoOperand`].
#[doc(hidden)]
pub trait OperandKind<E, T, M> {
    fn operand(self) -> Operand<E, T>;
}

impl<E, T, V: IntoColumn<T>> OperandKind<E, T, operand::Value> for V {
    fn operand(self) -> Operand<E, T> {
        Operand(Side::Value(self.into_column()), PhantomData)
    }
}

macro_rules! operands {
    ($type:ident) => {
        impl<E, T> OperandKind<E, T, operand::Same> for $type<E, T>
        where
            Self: Expression<Entity = E>,
        {
            fn operand(self) -> Operand<E, T> {
                Operand(Side::Term(self.as_term().0), PhantomData)
            }
        }

        impl<E, T> OperandKind<E, Option<T>, operand::NotNull> for $type<E, T>
        where
            Self: Expression<Entity = E>,
        {
            fn operand(self) -> Operand<E, Option<T>> {
                Operand(Side::Term(self.as_term().0), PhantomData)
            }
        }

        impl<E, T> OperandKind<E, T, operand::Nullable> for $type<E, Option<T>>
        where
            Self: Expression<Entity = E>,
        {
            fn operand(self) -> Operand<E, T> {
                Operand(Side::Term(self.as_term().0), PhantomData)
            }
        }
    };
}
operands!(Column);
operands!(Expr);

/// What the context says, of columns whose values may be missing or not.
impl<E, C, T> OperandKind<E, T, operand::Claimed> for Claim<C, T> {
    fn operand(self) -> Operand<E, T> {
        Operand(Side::Term(self.term()), PhantomData)
    }
}

impl<E, C, T> OperandKind<E, Option<T>, operand::NullableClaimed> for Claim<C, T> {
    fn operand(self) -> Operand<E, Option<T>> {
        Operand(Side::Term(self.term()), PhantomData)
    }
}

/// `COUNT(*)`: how many rows.
///
/// ```
/// # #[cfg(feature = "sqlite")] mod doc {
/// # use kysera::prelude::*;
/// # #[derive(Repository)]
/// # #[kysera(table = "users")]
/// # struct User { #[kysera(id)] id: i64, role: i32 }
/// use kysera::expr::count;
///
/// async fn roles(users: &UserRepository<Db<Sqlite>>) -> kysera::Result<Vec<(i32, i64)>> {
///     users.find().select((User::ROLE, count())).group_by(User::ROLE).all().await
/// }
/// # }
/// ```
pub fn count<E>() -> Expr<E, i64> {
    Expr::typed(super::functions::count_term(None, false), crate::__private::codec!(i64))
}

/// `COALESCE` of terms.
pub(super) fn coalesce<E, T>(subject: &impl Subject<Option<T>>, other: Operand<E, Option<T>>) -> Term {
    Term::Call(Call::Coalesce, vec![subject.term().0, operand_term(subject, other)])
}

/// The nullable form of an expression, with the codec of `subject`.
pub(crate) fn nullable<E, T: Nullable>(
    term: Term,
    subject: impl Subject<T> + Send + Sync + 'static,
) -> Expr<E, Option<T::Inner>> {
    let codec = subject.codec();
    Expr::new(term, codec, move |value: Option<T::Inner>| {
        value.and_then(|value| subject.convert(T::from_inner(value)))
    })
}
