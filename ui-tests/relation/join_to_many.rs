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

async fn join(db: Db<Sqlite>) {
    let _ = User::repo(&db).find().join(User::POSTS).all().await;
}

fn main() {}
