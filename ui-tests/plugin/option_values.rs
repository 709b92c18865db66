use kysera::prelude::*;

#[derive(Repository)]
#[kysera(has_many(posts = Post::USER_ID))]
#[kysera::plugin(
    soft_delete(deleted_at = "deleted", cascade = User::POSTS),
    timestamps(explicit = true),
    version = revision,
    audit(table = logs, schema = "", chain(yes))
)]
struct User {
    #[kysera(id)]
    id: i64,
    created_at: i64,
    updated_at: i64,
    version: i32,
    revision: i32,
    deleted: bool,
}

#[derive(Repository)]
#[kysera::plugin(soft_delete(cascade = [Post::A, Post::A, , 3], deleted_at), version[column = revision], audit(table))]
struct Post {
    #[kysera(id)]
    id: i64,
    user_id: i64,
    deleted: bool,
}

fn main() {}
