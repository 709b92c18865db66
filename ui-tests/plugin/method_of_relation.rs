use kysera::prelude::*;

#[derive(Repository)]
#[kysera(has_many(posts = Post::USER_ID))]
struct User {
    #[kysera(id)]
    id: i64,
}

#[derive(Repository)]
struct Post {
    #[kysera(id)]
    id: i64,
    user_id: i64,
}

fn main() {
    let _ = User::POSTS.with_deleted().any();
}
