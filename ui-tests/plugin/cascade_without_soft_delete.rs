use kysera::prelude::*;

#[derive(Repository)]
#[kysera(has_many(posts = Post::USER_ID), has_one(note = Note::USER_ID))]
#[kysera::plugin(soft_delete(cascade = [User::POSTS, User::NOTE]))]
struct User {
    #[kysera(id)]
    id: i64,
    deleted: bool,
}

#[derive(Repository)]
#[kysera::plugin(soft_delete)]
struct Post {
    #[kysera(id)]
    id: i64,
    user_id: i64,
    deleted: bool,
}

#[derive(Repository)]
struct Note {
    #[kysera(id)]
    id: i64,
    user_id: i64,
}

#[derive(Repository)]
#[kysera(backend(Sqlite, Postgres), has_one(note = Note::USER_ID))]
#[kysera::plugin(soft_delete(cascade = [Page::NOTE]))]
struct Page {
    #[kysera(id)]
    id: i64,
    deleted: bool,
}

fn main() {}
