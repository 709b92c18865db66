//! Plugins of one's own, in every form, on both sides of the derive.
#![deny(warnings)]

use kysera::plugin::{Changes, Phase, Plugin, PluginContext, PluginTx, Written};
use kysera::prelude::*;
use kysera::{Backend, Column, Entity};

struct Quiet;

impl<E: Entity> Plugin<E> for Quiet {
    const NAME: &'static str = "quiet";
    const AFTER_WRITE: bool = false;
}

struct Slug<E: Entity> {
    from: Column<E, String>,
    to: Column<E, String>,
}

impl<E: Entity> Slug<E> {
    const fn new(from: Column<E, String>, to: Column<E, String>) -> Self {
        Self { from, to }
    }
}

impl<E: Entity> Plugin<E> for Slug<E> {
    const NAME: &'static str = "slug";
    const REQUIRES: &'static [&'static str] = &["quiet", "timestamps"];

    fn before_create(&self, row: &mut Changes<'_, E>, _cx: &PluginContext<'_>) -> kysera::Result<()> {
        let text = row.get(self.from).map(|text| text.to_lowercase());
        if let Some(text) = text {
            row.set(self.to, text);
        }
        Ok(())
    }
}

mod plugins {
    use super::*;

    pub struct Limit<const N: u64>(pub u64);

    impl<const N: u64> Limit<N> {
        pub const fn new(rows: u64) -> Self {
            Self(rows)
        }
    }

    impl<E: Entity, const N: u64> Plugin<E> for Limit<N> {
        const NAME: &'static str = "limit";
        const PHASE: Phase = Phase::Security;

        async fn after_write<'a, DB: Backend>(
            &'a self,
            written: Written<'a, E>,
            tx: &'a mut PluginTx<'_, DB>,
        ) -> kysera::Result<()>
        where
            E: kysera::entity::On<DB>,
        {
            assert!(written.rows().len() as u64 <= self.0.min(N));
            let _ = tx.schema();
            Ok(())
        }
    }

    pub const LIMIT: Limit<9> = Limit::new(3);
}

#[derive(Debug, Repository)]
#[kysera::plugin(Quiet, Slug(from = Post::TITLE, to = Self::SLUG), timestamps(create_only), plugins::Limit::<3>::new(3))]
struct Post {
    #[kysera(id)]
    id: i64,
    title: String,
    #[kysera(default)]
    slug: String,
    created_at: i64,
}

#[kysera::plugin(timestamps(create_only))]
#[kysera::plugin(plugins::LIMIT, Slug::new(Page::TITLE, Page::SLUG))]
#[derive(Debug, Repository)]
#[kysera(backend(Sqlite), context = String)]
#[kysera::plugin(crate::Quiet)]
struct Page {
    #[kysera(id)]
    id: i64,
    title: String,
    #[kysera(default)]
    slug: String,
    created_at: i64,
}

fn main() {
    let _ = NewPost { title: String::new(), slug: None };
    let _ = NewPage { title: String::new(), slug: None };
    assert!(Post::CUSTOM.after_write && Page::CUSTOM.any);
}
