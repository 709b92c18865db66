//! An article that says what it needs, and two plugins of this program.

use std::borrow::Cow;

use kysera::entity::On;
use kysera::plugin::{Operation, Phase, Plugin, PluginContext, PluginTx, Written};
use kysera::prelude::*;
use kysera::{Actor, Backend, Result};
use kysera_example_slug::Slug;
use sqlx::types::chrono::{DateTime, Utc};

/// An article. Its plugins may be listed in any order.
#[derive(Debug, Clone, Repository)]
#[kysera::plugin(
    soft_delete,
    timestamps,
    version,
    audit,
    Slug(from = Article::TITLE, to = Article::SLUG),
    Published,
    Outbox
)]
#[kysera(table = "articles", context = Caller)]
pub(crate) struct Article {
    #[kysera(id)]
    pub(crate) id: i64,
    pub(crate) title: String,
    /// Made of the title by a plugin from another crate.
    #[kysera(default)]
    pub(crate) slug: String,
    #[kysera(default)]
    pub(crate) published: bool,
    /// Who may see drafts may know this: the audit log must not.
    #[kysera(sensitive)]
    pub(crate) notes: Option<String>,
    pub(crate) version: i32,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) deleted_at: Option<DateTime<Utc>>,
}

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    /// Anyone.
    Reader,
    /// An editor, by name.
    Editor(String),
}

impl Actor for Caller {
    fn actor(&self) -> Option<Cow<'_, str>> {
        match self {
            Caller::Reader => None,
            Caller::Editor(name) => Some(name.into()),
        }
    }
}

/// Readers see what is published, wherever articles are reached from.
pub(crate) struct Published;

impl Plugin<Article> for Published {
    const NAME: &'static str = "published";
    const PHASE: Phase = Phase::Filter;
    const AFTER_WRITE: bool = false;

    fn scope(&self, cx: &PluginContext<'_>) -> Result<Option<Filter<Article>>> {
        let reads = matches!(cx.context(), Some(Caller::Reader));
        Ok(reads.then(|| Article::PUBLISHED.eq(true)))
    }
}

/// Writes a message for each new article, in the transaction that creates it.
pub(crate) struct Outbox;

impl Plugin<Article> for Outbox {
    const NAME: &'static str = "outbox";
    const PHASE: Phase = Phase::Audit;

    async fn after_write<'a, DB: Backend>(
        &'a self,
        written: Written<'a, Article>,
        tx: &'a mut PluginTx<'_, DB>,
    ) -> Result<()>
    where
        Article: On<DB>,
    {
        if written.operation() != Operation::Create {
            return Ok(());
        }
        for article in written.rows() {
            tx.execute("INSERT INTO outbox (slug) VALUES ({})", [article.slug.as_str()]).await?;
        }
        Ok(())
    }
}
