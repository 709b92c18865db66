//! What the derive needs for `rls`.

use std::marker::PhantomData;
use std::sync::Arc;

use crate::entity::Entity;
use crate::expr::{AnyValue, Claim, Col, Column, Filter, IntoColumn, PluginContext, Standing, Value};
use crate::rls::{Policy, Rules};
use crate::source::System;

pub use crate::expr::{ClaimMeta, FieldGuard, FieldRule, PolicyMeta, RuleSet, TenantColumn};

/// Who asks, under a policy for contexts `C`.
pub fn standing<C: 'static>(cx: &PluginContext<'_>) -> Standing {
    Standing::of::<C, System>(cx)
}

/// The rules that the user wrote.
pub fn rules<E: Policy<C>, C: Send + Sync + 'static>() -> RuleSet {
    crate::rls::rule_set::<E, C>(E::rules(), None)
}

/// The same for rows of one tenant.
pub fn rules_in_tenant<E: Policy<C>, C: Send + Sync + 'static>(tenant: &InTenant<E, C>) -> RuleSet {
    crate::rls::rule_set::<E, C>(E::rules(), Some(tenant.filter()))
}

/// The policy of rows of one tenant: everything, within it.
pub fn everything<E: Entity, C: Send + Sync + 'static>() -> Rules<E, C> {
    Rules::new().allow("tenant", crate::expr::Action::ALL, Filter::all([]))
}

/// A column whose values are those of a claim. Its own types are forgotten, so that a column that does not fit its claim is one
/// mistake, wherever both are used.
pub struct InTenant<E, C> {
    column: &'static Col,
    claim: &'static ClaimMeta,
    filter: fn(&'static Col, &'static ClaimMeta) -> Filter<E>,
    fill: fn(&AnyValue) -> Option<Value>,
    context: PhantomData<fn() -> C>,
}

impl<E, C> InTenant<E, C> {
    fn filter(&self) -> Filter<E> {
        (self.filter)(self.column, self.claim)
    }

    /// What the column is filled with.
    pub fn value(&self, cx: &PluginContext<'_>) -> Option<Value> {
        (self.fill)(&*self.claim.value(cx)?)
    }
}

/// The rows of one tenant: those whose column has the value of the claim. The claim comes first: what it says is known where the
/// column is looked at.
pub fn in_tenant<E, C, T: TenantOf<U>, U: 'static>(
    claim: Claim<C, U>,
    column: Column<E, T>,
) -> InTenant<E, C> {
    InTenant {
        column: column.col(),
        claim: claim.meta(),
        filter: |column, claim| T::filter(Column::<E, T>::new(column), Claim::<C, U>::new(claim)),
        fill: |value| value.downcast_ref::<U>().map(T::fill),
        context: PhantomData,
    }
}

/// The type of a column that says whose a row is, where claims of type `U` say who asks.
#[diagnostic::on_unimplemented(
    message = "a column of type `{Self}` cannot be that of the tenant: the context says `{U}`",
    label = "expected `{U}`, or an `Option` of it",
    note = "the column has the type of the claim that it is compared with: change one of them, or name another claim, as in \
            `tenant(tenant_id = Principal::ORG_ID)`"
)]
pub trait TenantOf<U>: Sized {
    fn filter<E, C>(column: Column<E, Self>, claim: Claim<C, U>) -> Filter<E>;
    fn fill(value: &U) -> Value;
}

impl<T: ClaimValue> TenantOf<T> for T {
    fn filter<E, C>(column: Column<E, T>, claim: Claim<C, T>) -> Filter<E> {
        column.eq(claim)
    }

    fn fill(value: &T) -> Value {
        Arc::new(value.clone())
    }
}

impl<T: ClaimValue> TenantOf<T> for Option<T> {
    fn filter<E, C>(column: Column<E, Option<T>>, claim: Claim<C, T>) -> Filter<E> {
        column.eq(claim)
    }

    fn fill(value: &T) -> Value {
        Arc::new(Some(value.clone()))
    }
}

/// The condition of `read_if` or `write_if`.
pub fn field_rule<E: Entity>(filter: Filter<E>) -> FieldRule {
    FieldRule(filter.node)
}

/// What those read who may not read a column of this type.
pub fn mask<T: Send + Sync + 'static>(value: impl IntoColumn<T>) -> Value {
    Arc::new(value.into_column())
}

/// A value that a context may have.
#[diagnostic::on_unimplemented(
    message = "a field of type `{Self}` cannot be a claim",
    label = "needs `Clone + Send + Sync + 'static`",
    note = "derive `Clone` for it, or leave the field out of the claims: `#[kysera(skip)]`"
)]
pub trait ClaimValue: Clone + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Send + Sync + 'static> ClaimValue for T {}

/// The value of a field of a context, as a claim's.
pub fn claim<C: 'static, T: ClaimValue>(
    cx: &PluginContext<'_>,
    field: impl Fn(&C) -> Option<&T>,
) -> Option<Vec<Value>> {
    let value = cx.context::<C>().and_then(field)?;
    Some(vec![Arc::new(value.clone())])
}

/// The same of a field with several.
pub fn claims<C: 'static, T: ClaimValue>(
    cx: &PluginContext<'_>,
    field: impl Fn(&C) -> Option<&[T]>,
) -> Option<Vec<Value>> {
    let values = cx.context::<C>().and_then(field)?;
    Some(values.iter().map(|value| Arc::new(value.clone()) as Value).collect())
}
