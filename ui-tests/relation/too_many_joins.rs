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
    let posts = Post::repo(&db);
    let find = posts.find().join(Post::AUTHOR).join(Post::AUTHOR).join(Post::AUTHOR).join(Post::AUTHOR);
    let _ = find.join(Post::AUTHOR).all().await;
}

fn main() {}
