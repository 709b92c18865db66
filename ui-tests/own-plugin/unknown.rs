use kysera::prelude::*;

#[kysera::plugin(my::Slug, SoftDelete)]
#[derive(Repository)]
struct Post {
    #[kysera(id)]
    id: i64,
}

fn main() {}
