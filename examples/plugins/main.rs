//! Plugins: kysera's own, one from another crate, and two of this program.
//!
//! `cargo run --example plugins`

mod entities;
#[cfg(test)]
mod tests;

use kysera::plugin::audit::AuditTable;
use kysera::prelude::*;
use kysera::{Error, Result};

use entities::{Article, ArticlePatch, Caller, NewArticle};

const SCHEMA: &str = "
    CREATE TABLE articles (
        id INTEGER PRIMARY KEY,
        title TEXT NOT NULL,
        slug TEXT NOT NULL,
        published BOOLEAN NOT NULL DEFAULT FALSE,
        notes TEXT,
        version INTEGER NOT NULL,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        deleted_at TEXT
    );
    CREATE UNIQUE INDEX articles_slug_key ON articles (slug) WHERE deleted_at IS NULL;
    CREATE TABLE outbox (id INTEGER PRIMARY KEY, slug TEXT NOT NULL);
";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let db = open().await?;
    let editor = db.clone().with_context(Caller::Editor("grace".into()));
    let reader = db.clone().with_context(Caller::Reader);
    // Without a context, `Article::repo(&db)` does not compile.
    let (articles, public) = (Article::repo(&editor), Article::repo(&reader));

    let new =
        NewArticle { title: "Hello, world".into(), slug: None, published: None, notes: Some("check".into()) };
    let draft = articles.create(new).await?;
    println!(
        "{} (version {}), seen by readers: {}",
        draft.slug,
        draft.version,
        public.exists(draft.id).await?
    );

    let published = articles.update(draft.id, ArticlePatch::new().published(true)).await?;
    println!("published, version {}, seen by readers: {}", published.version, public.exists(draft.id).await?);

    // `draft` is what someone else still has in their editor.
    let stale = articles.save(&draft).await;
    println!("saving the draft over it: {}", stale.err().map_or_else(String::new, |error| error.to_string()));

    articles.delete(draft.id).await?;
    println!("deleted, live articles: {}", articles.count().await?);
    if let Err(Error::NotFound { .. }) = public.get(draft.id).await {
        println!("readers are told that there is none");
    }
    let restored = articles.restore(draft.id).await?;
    println!("restored, version {}", restored.version);

    println!("what happened:");
    for entry in articles.history(draft.id).all().await? {
        let who = entry.actor.as_deref().unwrap_or("nobody");
        let changed = entry
            .changed_columns
            .as_ref()
            .map_or_else(String::new, |names| format!(": {}", names.join(", ")));
        println!("  {} by {who}{changed}", entry.operation);
    }
    Ok(())
}

/// A database with the tables of this program.
async fn open() -> Result<Db<Sqlite>> {
    let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
    db.raw_sql(SCHEMA).await?;
    AuditTable::default().create(&db).await?;
    Ok(db)
}
