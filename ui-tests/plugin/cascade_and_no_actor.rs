use kysera::prelude::*;

#[derive(Repository)]
#[kysera(has_many(posts = Post::USER_ID))]
#[kysera::plugin(soft_delete(cascade = [User::POSTS]))]
struct User {
    #[kysera(id)]
    id: i64,
    deleted: bool,
}

#[derive(Repository)]
#[kysera::plugin(soft_delete, audit)]
struct Post {
    #[kysera(id)]
    id: i64,
    user_id: i64,
    deleted: bool,
}

struct Request;

fn main() {}

async fn count(db: Db<Sqlite>) -> kysera::Result<u64> {
    User::repo(db.with_context(Request)).count().await
}
