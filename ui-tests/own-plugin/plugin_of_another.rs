use kysera::plugin::Plugin;
use kysera::prelude::*;

struct Slug;

impl Plugin<Post> for Slug {
    const NAME: &'static str = "slug";
}

#[derive(Repository)]
#[kysera::plugin(Slug)]
struct Post {
    #[kysera(id)]
    id: i64,
}

#[derive(Repository)]
#[kysera::plugin(Slug)]
struct User {
    #[kysera(id)]
    id: i64,
}

fn main() {}
