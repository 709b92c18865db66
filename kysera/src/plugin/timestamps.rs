//! The time of the last update, without an update.

use std::collections::HashSet;

use futures_core::future::BoxFuture;

use crate::entity::{Draft, Entity, Timestamped, Values};
use crate::error::Result;
use crate::expr::{AnyValue, IntoColumn};
use crate::repository::{IdOf, Repository, Touch, TouchMany, not_found, writing};
use crate::source::{Cx, Writable, run};
use crate::write::Prepare;

/// What the plugin `timestamps` adds to a repository. In the [prelude](crate::prelude).
///
/// ```
/// # #[cfg(feature = "sqlite")] mod doc {
/// # use kysera::prelude::*;
/// # #[derive(Debug, Repository)]
/// # #[kysera::plugin(timestamps)]
/// # #[kysera(table = "topics")]
/// # struct Topic { #[kysera(id)] id: i64, title: String, created_at: i64, updated_at: i64 }
/// /// A topic with a new answer moves up.
/// async fn answered(topics: &TopicRepository<Db<Sqlite>>, id: i64) -> kysera::Result<Topic> {
///     topics.touch(id).await
/// }
/// # }
/// ```
pub trait TimestampMethods: Repository {
    /// Writes the time of the last update and nothing else, and answers the row; `version` counts it as an update.
    ///
    /// `UPDATE <table> SET updated_at = $1 WHERE <key> = $2 RETURNING <columns>`
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`](crate::Error::NotFound) if there is no such row; those of the database.
    #[track_caller]
    fn touch(&self, id: impl IntoColumn<IdOf<Self>>) -> BoxFuture<'_, Result<Self::Entity>>
    where
        Self::Entity: Timestamped,
        Self::Source: Writable,
    {
        let id = id.into_column();
        let cx = Cx::of(self.source(), "touch");
        Box::pin(async move {
            let cx = writing(self, cx);
            let values = nothing::<Self::Entity>(&Prepare::new(Self::Entity::META, cx.plugins()))?;
            let row = run(self.source(), cx, Touch::<Self::Entity, _> { id, values }).await?;
            row.ok_or_else(not_found::<Self::Entity>)
        })
    }

    /// [`touch`](Self::touch) of rows, all or none; answers how many there were. Keys without a row are passed over.
    ///
    /// # Errors
    ///
    /// Those of the database.
    #[track_caller]
    fn touch_many<V: IntoColumn<IdOf<Self>>>(
        &self,
        ids: impl IntoIterator<Item = V>,
    ) -> BoxFuture<'_, Result<u64>>
    where
        Self::Entity: Timestamped,
        Self::Source: Writable,
    {
        let mut ids: Vec<IdOf<Self>> = ids.into_iter().map(IntoColumn::into_column).collect();
        let cx = Cx::of(self.source(), "touch_many");
        Box::pin(async move {
            if ids.is_empty() {
                return Ok(0);
            }
            // Once each, also where they are cut into several statements.
            let mut seen = HashSet::with_capacity(ids.len());
            ids.retain(|id| seen.insert(id.clone()));
            drop(seen);
            let cx = writing(self, cx);
            let values = nothing::<Self::Entity>(&Prepare::new(Self::Entity::META, cx.plugins()))?;
            run(self.source(), cx, TouchMany::<Self::Entity, _> { ids, values }).await
        })
    }
}

impl<R: Repository> TimestampMethods for R {}

/// No values of the caller's.
struct Nothing;

impl Values for Nothing {
    fn value(&self, _: usize) -> Option<&AnyValue> {
        None
    }
}

fn nothing<E: Entity>(prepare: &Prepare<'_>) -> Result<Draft<Nothing>> {
    prepare.update::<E, _>(Nothing, Vec::new())
}
