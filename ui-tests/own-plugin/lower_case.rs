use kysera::prelude::*;

#[derive(Repository)]
#[kysera::plugin(slug(from = Post::TITLE), _slug)]
struct Post {
    #[kysera(id)]
    id: i64,
    title: String,
}

fn main() {}
