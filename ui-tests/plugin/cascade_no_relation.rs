use kysera::prelude::*;

#[derive(Repository)]
#[kysera::plugin(soft_delete(cascade = [User::NAME]))]
struct User {
    #[kysera(id)]
    id: i64,
    name: String,
    deleted: bool,
}

#[derive(Repository)]
#[kysera(has_many(notes = User::ID))]
#[kysera::plugin(soft_delete(cascade = [Post::NOTE]))]
struct Post {
    #[kysera(id)]
    id: i64,
    deleted: bool,
}

fn main() {}
