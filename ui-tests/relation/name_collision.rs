use kysera::prelude::*;

#[derive(Repository)]
#[kysera(has_many(email = Post::AUTHOR_ID), has_many(posts = Post::AUTHOR_ID), has_one(posts = Post::AUTHOR_ID))]
struct User {
    #[kysera(id)]
    id: i64,
    email: String,
    #[kysera(belongs_to(posts = Post::ID))]
    first_post: i64,
}

#[derive(Repository)]
struct Post {
    #[kysera(id)]
    id: i64,
    author_id: i64,
}

fn main() {}
