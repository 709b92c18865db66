use kysera::prelude::*;

#[derive(Repository)]
#[kysera(has_many(posts = Post::AUTHOR_ID), has_many(likes = Post::ID, through(Like::USER_ID, Like::POST_ID)))]
struct User {
    #[kysera(id)]
    id: i64,
    #[kysera(belongs_to(home = City::NAME))]
    city: i64,
}

#[derive(Repository)]
struct Post {
    #[kysera(id)]
    id: i64,
    author_id: Option<i32>,
}

#[derive(Repository)]
struct Like {
    #[kysera(id)]
    user_id: i64,
    #[kysera(id)]
    post_id: String,
}

#[derive(Repository)]
struct City {
    #[kysera(id, assigned)]
    name: String,
}

fn main() {}
