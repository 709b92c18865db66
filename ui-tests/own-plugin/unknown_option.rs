use kysera::plugin::Plugin;
use kysera::prelude::*;
use kysera::{Column, Entity};

struct Slug<E: Entity> {
    from: Column<E, String>,
    to: Column<E, String>,
}

impl<E: Entity> Plugin<E> for Slug<E> {
    const NAME: &'static str = "slug";
}

#[derive(Repository)]
#[kysera::plugin(Slug(from = Post::TITLE, to = Post::SLUG, width = 30))]
struct Post {
    #[kysera(id)]
    id: i64,
    title: String,
    slug: String,
}

fn main() {}
