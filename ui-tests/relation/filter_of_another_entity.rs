use kysera::prelude::*;

#[derive(Repository)]
#[kysera(has_many(posts = Post::AUTHOR_ID))]
struct User {
    #[kysera(id)]
    id: i64,
}

#[derive(Repository)]
struct Post {
    #[kysera(id)]
    id: i64,
    #[kysera(belongs_to(author = User::ID))]
    author_id: i64,
}

async fn load(db: Db<Sqlite>) {
    let _ = User::repo(&db).find().filter(User::POSTS.any(User::ID.eq(1))).all().await;
}

fn main() {}
