//! What a context says of who asks, for filters and policies.

use std::marker::PhantomData;
use std::sync::Arc;

use super::column::Column;
use super::filter::{Filter, Node};
use super::plug::PluginContext;
use super::term::Term;
use super::types::Nullable;
use super::value::{AnyValue, Codec, Value};

/// A claim, without types. Made by the derive.
#[doc(hidden)]
pub struct ClaimMeta {
    /// The field's name.
    pub name: &'static str,
    /// What PostgreSQL's own policies call it: a setting of the transaction.
    pub setting: &'static str,
    /// Of the values themselves: not of an `Option`, not of a `Vec`.
    pub codec: &'static Codec,
    /// Whether there are several values.
    pub list: bool,
    /// Its values in a context; `None` where nothing is known of them, as in a context of another type.
    pub values: fn(&PluginContext<'_>) -> Option<Vec<Value>>,
}

impl ClaimMeta {
    pub(crate) fn value(&self, cx: &PluginContext<'_>) -> Option<Value> {
        (self.values)(cx)?.into_iter().next()
    }

    /// Whether it has this value; `None` where nothing is known.
    pub(crate) fn has(&self, cx: &PluginContext<'_>, value: &Value, equals: Equals) -> Option<bool> {
        let values = (self.values)(cx)?;
        Some(values.iter().any(|own| equals(&**own, &**value)))
    }

    pub(crate) fn is(&self, other: &ClaimMeta) -> bool {
        self.name == other.name && self.setting == other.setting && self.list == other.list
    }
}

/// A field of a context `C` with one value, for use in filters: `Invoice::TENANT_ID.eq(Principal::TENANT_ID)`. Made by
/// `#[derive(Claims)]`.
///
/// The filter looks the value up in the source's context whenever it is sent. Where there is none, because the field is `None` or
/// the context is of another type, a comparison with the claim holds for no row, and neither does its negation.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// use kysera::Claims;
/// use kysera::prelude::*;
///
/// #[derive(Claims)]
/// struct Principal {
///     user_id: i64,
/// }
///
/// #[derive(Repository)]
/// #[kysera(table = "notes")]
/// struct Note {
///     #[kysera(id)]
///     id: i64,
///     author_id: i64,
/// }
///
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// db.raw_sql("CREATE TABLE notes (id INTEGER PRIMARY KEY, author_id INTEGER); INSERT INTO notes VALUES (1, 7), (2, 8)").await?;
/// let mine = || Note::AUTHOR_ID.eq(Principal::USER_ID);
/// let ada = db.clone().with_context(Principal { user_id: 7 });
/// assert_eq!(Note::repo(&ada).find().filter(mine()).one().await?.id, 1);
/// assert_eq!(Note::repo(&db).find().filter(mine()).count().await?, 0); // nobody asks
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))] fn main() {}
/// ```
pub struct Claim<C, T> {
    meta: &'static ClaimMeta,
    types: PhantomData<fn() -> (C, T)>,
}

/// A field of a context `C` with any number of values: `Principal::TEAMS.contains(Doc::TEAM_ID)`. Made by `#[derive(Claims)]` of
/// a `Vec`.
pub struct ClaimList<C, T> {
    meta: &'static ClaimMeta,
    types: PhantomData<fn() -> (C, T)>,
}

macro_rules! handle {
    ($Type:ident) => {
        impl<C, T> Clone for $Type<C, T> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<C, T> Copy for $Type<C, T> {}

        impl<C, T> std::fmt::Debug for $Type<C, T> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.meta.name)
            }
        }

        impl<C, T> $Type<C, T> {
            #[doc(hidden)]
            pub const fn new(meta: &'static ClaimMeta) -> Self {
                Self { meta, types: PhantomData }
            }

            /// The field's name.
            pub const fn name(self) -> &'static str {
                self.meta.name
            }
        }
    };
}
handle!(Claim);
handle!(ClaimList);

impl<C, T> Claim<C, T> {
    pub(crate) fn term(self) -> Term {
        Term::Claim(self.meta)
    }

    #[doc(hidden)]
    pub fn meta(self) -> &'static ClaimMeta {
        self.meta
    }
}

/// Whether two values of one type are equal. Not as JSON or the like: types of a program's own need not have such a form.
pub(crate) type Equals = fn(&AnyValue, &AnyValue) -> bool;

fn equals<T: PartialEq + 'static>(a: &AnyValue, b: &AnyValue) -> bool {
    matches!((a.downcast_ref::<T>(), b.downcast_ref::<T>()), (Some(a), Some(b)) if a == b)
}

impl<C, T: PartialEq + Send + Sync + 'static> Claim<C, T> {
    /// Whether the claim has this value, whatever the row: `Principal::ROLE.is("auditor")`.
    pub fn is<E>(self, value: impl super::IntoColumn<T>) -> Filter<E> {
        Filter::of(Node::ClaimIs {
            claim: self.meta,
            value: Arc::new(value.into_column()),
            equals: equals::<T>,
        })
    }
}

impl<C> Claim<C, bool> {
    /// Whether the claim is true, whatever the row: `Principal::IS_ADMIN.holds()`.
    pub fn holds<E>(self) -> Filter<E> {
        self.is(true)
    }
}

impl<C, T: Send + Sync + 'static> ClaimList<C, T> {
    /// Whether the column's value is among those of the claim: `Principal::TEAMS.contains(Doc::TEAM_ID)`. Without any there is no
    /// such row.
    pub fn contains<E, N: Nullable<Inner = T>>(self, column: Column<E, N>) -> Filter<E> {
        Filter::of(Node::InClaim { left: Term::Column(column.col()), claim: self.meta })
    }

    /// Whether this is one of the claim's values, whatever the row: `Principal::ROLES.includes("auditor")`.
    pub fn includes<E>(self, value: impl super::IntoColumn<T>) -> Filter<E>
    where
        T: PartialEq,
    {
        Filter::of(Node::ClaimIs {
            claim: self.meta,
            value: Arc::new(value.into_column()),
            equals: equals::<T>,
        })
    }
}

/// A context whose fields can stand in filters and policies. Derived: each field becomes a constant, a [`Claim`] or, of a `Vec`, a
/// [`ClaimList`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` says nothing that a policy could ask for",
    label = "needs `#[derive(kysera::Claims)]`",
    note = "derive `kysera::Claims` for the context: each of its fields becomes a constant such as `{Self}::TENANT_ID`"
)]
pub trait Claims: Send + Sync + 'static {
    #[doc(hidden)]
    const CLAIMS: &'static [&'static ClaimMeta];
}

impl Claims for () {
    const CLAIMS: &'static [&'static ClaimMeta] = &[];
}
