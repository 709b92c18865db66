//! What the plugin adds to a repository.

use std::sync::Arc;

use crate::entity::{Audited, Entity};
use crate::expr::{IntoColumn, Sql};
use crate::query::{Find, RowOf};
use crate::repository::{IdOf, Repository};
use crate::source::Cx;
use crate::write::audit_table_name;

use super::{AuditEntry, AuditTable};

/// What the plugin `audit` adds to a repository. In the [prelude](crate::prelude).
pub trait AuditMethods: Repository {
    /// The entries about rows of this entity, in no order: a query.
    fn audit_log(&self) -> Find<'_, AuditEntry, Self::Source>
    where
        Self::Entity: Audited,
    {
        find(self, None)
    }

    /// The entries about one row, the newest first: a query.
    fn history(&self, id: impl IntoColumn<IdOf<Self>>) -> Find<'_, AuditEntry, Self::Source>
    where
        Self::Entity: Audited,
    {
        let row = Of::<Self::Entity> { id: id.into_column() };
        find(self, Some(Arc::new(row))).order_by(AuditEntry::ID.desc())
    }

    /// The entries about rows of this entity that name an actor, the newest first: a query.
    fn changes_by(&self, actor: impl Into<String>) -> Find<'_, AuditEntry, Self::Source>
    where
        Self::Entity: Audited,
    {
        self.audit_log().filter(AuditEntry::ACTOR.eq(Some(actor.into()))).order_by(AuditEntry::ID.desc())
    }
}

impl<R: Repository> AuditMethods for R {}

fn find<R: Repository>(repository: &R, row: Option<Arc<dyn RowOf>>) -> Find<'_, AuditEntry, R::Source>
where
    R::Entity: Audited,
{
    let source = repository.source();
    let name = audit_table_name(R::Entity::META, Cx::of(source));
    AuditTable::of::<R::Entity>()
        .find(source, repository.hooks(), row)
        .filter(AuditEntry::TABLE_NAME.eq(name))
}

/// The row of an entity with a key.
struct Of<E: Entity> {
    id: E::Id,
}

impl<E: Entity> RowOf for Of<E> {
    fn write<'q>(&'q self, sql: &mut Sql<'q>) {
        sql.column(AuditEntry::ENTITY_ID.col()).push(" = ").key_text(E::META, |sql, part, col| {
            sql.value(col.codec, E::id_value(&self.id, part));
        });
    }
}
