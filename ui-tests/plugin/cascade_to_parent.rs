use kysera::prelude::*;

#[derive(Repository)]
#[kysera::plugin(soft_delete(cascade = [Post::AUTHOR]))]
struct Post {
    #[kysera(id)]
    id: i64,
    #[kysera(belongs_to(author = User::ID))]
    author_id: i64,
    deleted: bool,
}

#[derive(Repository)]
#[kysera::plugin(soft_delete)]
struct User {
    #[kysera(id)]
    id: i64,
    deleted: bool,
}

fn main() {}
