use kysera::prelude::*;

struct Slug;
struct Limit(u64);

#[derive(Repository)]
#[kysera::plugin(Slug, Limit(3))]
struct Post {
    #[kysera(id)]
    id: i64,
}

fn main() {}
