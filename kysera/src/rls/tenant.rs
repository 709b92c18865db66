//! The simplest context: which tenant it is.

use crate::expr::{Claim, ClaimMeta, Claims};

/// A context that is nothing but a tenant: that of structs with `rls(tenant(tenant_id))`, which name no other.
///
/// For ids of type `i32`, `i64`, `String` and, with the feature `uuid`, `Uuid`. Whatever else a program knows of who asks wants a
/// context of its own, with `#[derive(Claims)]`: `rls(context = Principal, tenant(tenant_id))`.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// use kysera::prelude::*;
/// use kysera::rls::Tenant;
///
/// #[derive(Debug, Repository)]
/// #[kysera::plugin(rls(tenant(tenant_id)))]
/// #[kysera(table = "notes")]
/// struct Note {
///     #[kysera(id)]
///     id: i64,
///     tenant_id: i64, // neither `NewNote` nor `NotePatch` has it
///     text: String,
/// }
///
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// db.raw_sql("CREATE TABLE notes (id INTEGER PRIMARY KEY, tenant_id INTEGER NOT NULL, text TEXT NOT NULL)").await?;
/// let (one, two) = (db.clone().with_context(Tenant(1)), db.clone().with_context(Tenant(2)));
/// let note = Note::repo(&one).create(NewNote { text: "ours".into() }).await?;
/// assert_eq!(note.tenant_id, 1);
/// assert!(Note::repo(&two).find_by_id(note.id).await?.is_none());
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))] fn main() {}
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tenant<T>(pub T);

/// A [`Tenant`] whose id kysera knows.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`rls(tenant(..))` alone is not for ids of this type: `{Self}`",
    label = "no `i32`, `i64`, `String` or `Uuid`",
    note = "write a context with a field of the type, derive `kysera::Claims` for it, and name it: \
            `rls(context = Principal, tenant(tenant_id))`"
)]
pub trait TenantContext: Claims + Sized {
    /// Its id.
    type Id;
    const CLAIM: Claim<Self, Self::Id>;
}

macro_rules! tenants {
    ($($type:ty),*) => { $(
        impl Claims for Tenant<$type> {
            const CLAIMS: &'static [&'static ClaimMeta] = &[&ClaimMeta {
                name: "tenant_id",
                setting: "app.tenant_id",
                codec: crate::__private::codec!($type),
                list: false,
                values: |cx| crate::__private::rls::claim::<Self, $type>(cx, |tenant| Some(&tenant.0)),
            }];
        }

        impl TenantContext for Tenant<$type> {
            type Id = $type;
            const CLAIM: Claim<Self, $type> = Claim::new(<Self as Claims>::CLAIMS[0]);
        }
    )* };
}
tenants!(i32, i64, String);
#[cfg(feature = "uuid")]
tenants!(sqlx::types::Uuid);
