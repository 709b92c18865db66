//! What the derive needs for `rls`.

use std::sync::Arc;

use crate::entity::Entity;
use crate::expr::{Claim, Column, FieldRule, Filter, IntoColumn, PluginContext, RuleSet, Standing, Value};
use crate::rls::{Policy, Rules};
use crate::source::System;

pub use crate::expr::{ClaimMeta, FieldGuard, PolicyMeta, TenantColumn};
pub use crate::rls::IsClaim;

/// Who asks, under a policy for contexts `C`.
pub fn standing<C: 'static>(cx: &PluginContext<'_>) -> Standing {
    Standing::of::<C, System>(cx)
}

/// The rules that the user wrote.
pub fn rules<E: Policy<C>, C: Send + Sync + 'static>() -> RuleSet {
    crate::rls::rule_set::<E, C>(E::rules(), None)
}

/// The same for rows of one tenant.
pub fn rules_in_tenant<E, C, T, U>(column: Column<E, T>, tenant: Claim<C, U>) -> RuleSet
where
    E: Policy<C>,
    C: Send + Sync + 'static,
    Column<E, T>: IsClaim<E, C, U>,
{
    crate::rls::rule_set::<E, C>(E::rules(), Some(column.is_claim(tenant)))
}

/// Everything with rows of one tenant.
pub fn tenancy<E, C, T, U>(column: Column<E, T>, tenant: Claim<C, U>) -> RuleSet
where
    E: Entity,
    C: Send + Sync + 'static,
    Column<E, T>: IsClaim<E, C, U>,
{
    let own = Rules::<E, C>::new().allow("tenant", crate::expr::Action::ALL, Filter::all([]));
    crate::rls::rule_set::<E, C>(own, Some(column.is_claim(tenant)))
}

/// What the column of the tenant is filled with.
pub fn tenant<E, C, T, U>(_: Column<E, T>, claim: Claim<C, U>, cx: &PluginContext<'_>) -> Option<Value>
where
    U: IntoColumn<T> + Clone + 'static,
    T: Send + Sync + 'static,
{
    let value = claim.meta().value(cx)?;
    let value: U = value.downcast_ref::<U>()?.clone();
    Some(Arc::new(value.into_column()))
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
) -> Vec<Value> {
    let value = cx.context::<C>().and_then(field);
    value.map(|value| Arc::new(value.clone()) as Value).into_iter().collect()
}

/// The same of a field with several.
pub fn claims<C: 'static, T: ClaimValue>(cx: &PluginContext<'_>, field: impl Fn(&C) -> &[T]) -> Vec<Value> {
    let values = cx.context::<C>().map(field).unwrap_or_default();
    values.iter().map(|value| Arc::new(value.clone()) as Value).collect()
}
