//! A plugin for any entity with a title: it makes the slug of it, the name under which a page is found.
//!
//! It knows nothing of the entities that use it, which tell it their columns:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> kysera::Result<()> {
//! use kysera::prelude::*;
//! use kysera_example_slug::Slug;
//!
//! #[derive(Debug, Repository)]
//! #[kysera::plugin(Slug(from = Page::TITLE, to = Page::SLUG))]
//! #[kysera(table = "pages")]
//! struct Page {
//!     #[kysera(id)]
//!     id: i64,
//!     title: String,
//!     #[kysera(default)] // so that `NewPage` may leave it out
//!     slug: String,
//! }
//!
//! let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
//! db.raw_sql("CREATE TABLE pages (id INTEGER PRIMARY KEY, title TEXT NOT NULL, slug TEXT NOT NULL UNIQUE)").await?;
//! let pages = Page::repo(&db);
//! let page = pages.create(NewPage { title: "Über uns, kurz".into(), slug: None }).await?;
//! assert_eq!(page.slug, "über-uns-kurz");
//! # Ok(())
//! # }
//! ```

use kysera::plugin::{Changes, Plugin, PluginContext};
use kysera::{Column, Entity, Result};

/// Fills the column `to` of new rows with the slug of the column `from`, unless it is given.
///
/// A new title does not change it: whoever knows the page by its name finds it.
#[derive(Debug)]
pub struct Slug<E> {
    /// What is made a slug of.
    pub from: Column<E, String>,
    /// Where it goes.
    pub to: Column<E, String>,
}

impl<E: Entity> Plugin<E> for Slug<E> {
    const NAME: &'static str = "slug";
    const SCOPE: bool = false;
    const AFTER_WRITE: bool = false;

    fn before_create(&self, row: &mut Changes<'_, E>, _: &PluginContext<'_>) -> Result<()> {
        if row.has(self.to) {
            return Ok(());
        }
        if let Some(slug) = row.get(self.from).map(|title| slug(title)) {
            row.set(self.to, slug);
        }
        Ok(())
    }
}

/// The letters and digits of a title in lower case, with a hyphen between words.
pub fn slug(title: &str) -> String {
    let words = title.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::slug;

    #[test]
    fn words_are_joined() {
        assert_eq!(slug("  Hello,   World! 2nd try "), "hello-world-2nd-try");
        assert_eq!(slug("Ärger im Büro"), "ärger-im-büro");
        assert_eq!(slug("!?"), "");
    }
}
