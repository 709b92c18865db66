use kysera::prelude::*;

#[derive(Repository)]
#[kysera(backend(Sqlite, Postgres), has_many(posts = Post::USER_ID))]
#[kysera::plugin(soft_delete(cascade = [Team::POSTS]))]
struct Team {
    #[kysera(id)]
    id: i64,
    deleted: bool,
}

#[derive(Repository)]
#[kysera(backend(Postgres))]
#[kysera::plugin(soft_delete)]
struct Post {
    #[kysera(id)]
    id: i64,
    user_id: i64,
    deleted: bool,
}

fn main() {}
