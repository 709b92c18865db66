use kysera::plugin::Plugin;
use kysera::prelude::*;
use kysera::Entity;

struct Slug;

impl<E: Entity> Plugin<E> for Slug {
    const NAME: &'static str = "slug";
    const CONFLICTS: &'static [&'static str] = &["title"];
}

struct Title;

impl<E: Entity> Plugin<E> for Title {
    const NAME: &'static str = "title";
}

#[derive(Repository)]
#[kysera::plugin(Slug, Title)]
struct Post {
    #[kysera(id)]
    id: i64,
    version: i32,
}

fn main() {}
