//! What plugins add to what a caller writes.

use std::sync::Arc;

use super::guard::denied;
use crate::entity::{Draft, Entity, Others, Values};
use crate::error::{Error, Result};
use crate::expr::{Action, Mark, Meta, PluginContext, Stamp, Standing, Value};

/// The values that plugins give at one time, made once for all rows of an operation.
pub(crate) struct Prepare<'c> {
    meta: &'static Meta,
    cx: PluginContext<'c>,
    created_at: Option<(&'static Stamp, Value)>,
    updated_at: Option<(&'static Stamp, Value)>,
}

impl<'c> Prepare<'c> {
    pub(crate) fn new(meta: &'static Meta, cx: PluginContext<'c>) -> Self {
        let stamp = |stamp: &'static Option<Stamp>| stamp.as_ref().map(|stamp| (stamp, (stamp.at)(cx.now())));
        let created_at = stamp(&meta.plug.created_at);
        let updated_at = stamp(&meta.plug.updated_at);
        Self { meta, cx, created_at, updated_at }
    }

    /// A new row.
    pub(crate) fn create<E: Entity>(&self, new: E::New) -> Result<Draft<E::New>> {
        let mut draft = Draft::new(new);
        put(&mut draft, &self.created_at);
        put(&mut draft, &self.updated_at);
        if let Some(version) = &self.meta.plug.version {
            draft.set(version.column, (version.first)());
        }
        if let Some(soft_delete) = &self.meta.plug.soft_delete
            && matches!(soft_delete.mark, Mark::Flag)
        {
            draft.set(soft_delete.column, Arc::new(false));
        }
        self.tenant(&mut draft)?;
        if E::CUSTOM.any {
            E::before_create(&mut draft.changes(Vec::new()), &self.cx)?;
        }
        Ok(draft)
    }

    /// Whose row it is.
    fn tenant<V: Values>(&self, draft: &mut Draft<V>) -> Result<()> {
        let Some((policy, tenant)) =
            self.meta.policy.and_then(|policy| Some((policy, policy.tenant.as_ref()?)))
        else {
            return Ok(());
        };
        let entity = self.meta.entity;
        match ((policy.standing)(&self.cx), (tenant.value)(&self.cx)) {
            (Standing::Known, Some(value)) => draft.set(tenant.column, value),
            (Standing::Known, None) => {
                return Err(denied(self.meta, Action::Create, Some("tenant".into()), None));
            }
            (Standing::Unknown, _) => return Err(Error::Protected { entity }),
            (Standing::System, _) => {
                let text = format!(
                    "an unrestricted source belongs to no tenant, so it cannot create a {entity}: give the source the \
                     context of the tenant, `db.with_context(..)`"
                );
                return Err(Error::BadRequest(text.into()));
            }
        }
        Ok(())
    }

    /// What an update changes. `others`: columns that are set by other means.
    pub(crate) fn update<E: Entity, V: Values>(&self, values: V, others: Others) -> Result<Draft<V>> {
        let mut draft = Draft::new(values);
        if !self
            .updated_at
            .as_ref()
            .is_some_and(|(stamp, _)| others.iter().any(|(column, _)| *column == stamp.column))
        {
            put(&mut draft, &self.updated_at);
        }
        if E::CUSTOM.any {
            E::before_update(&mut draft.changes(others), &self.cx)?;
            // A key never changes.
            draft.drop(E::META.id);
        }
        Ok(draft)
    }

    /// The column that takes the time of updates, and the time.
    pub(crate) fn updated_at(&self) -> Option<(usize, Value)> {
        self.updated_at.as_ref().map(|(stamp, value)| (stamp.column, value.clone()))
    }
}

fn put<V: Values>(draft: &mut Draft<V>, stamp: &Option<(&'static Stamp, Value)>) {
    if let Some((stamp, value)) = stamp
        && !(stamp.explicit && draft.value(stamp.column).is_some())
    {
        draft.set(stamp.column, value.clone());
    }
}
