use kysera::prelude::*;

#[derive(Repository)]
#[kysera(table = "users", has_many(posts = Post::AUTHOR_ID))]
struct User {
    #[kysera(id)]
    id: i64,
}

#[derive(Repository)]
#[kysera(table = "posts")]
struct Post {
    #[kysera(id)]
    id: i64,
    author_id: i64,
}

async fn f(users: UserRepository<Db<Sqlite>>) {
    let _ = users.find().select(User::ID).with(User::POSTS).all().await;
}

fn main() {}
