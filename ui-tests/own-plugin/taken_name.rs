use kysera::plugin::Plugin;
use kysera::prelude::*;
use kysera::Entity;

struct Slug;

impl<E: Entity> Plugin<E> for Slug {
    const NAME: &'static str = "version";
}

#[derive(Repository)]
#[kysera::plugin(Slug)]
struct Post {
    #[kysera(id)]
    id: i64,
    version: i32,
}

fn main() {}
