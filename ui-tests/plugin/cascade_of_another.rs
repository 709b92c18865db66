use kysera::prelude::*;

#[derive(Repository)]
#[kysera(has_many(notes = Note::USER_ID))]
#[kysera::plugin(soft_delete)]
struct User {
    #[kysera(id)]
    id: i64,
    deleted: bool,
}

#[derive(Repository)]
#[kysera(has_many(notes = Note::USER_ID))]
#[kysera::plugin(soft_delete(cascade = [User::NOTES]))]
struct Post {
    #[kysera(id)]
    id: i64,
    deleted: bool,
}

#[derive(Repository)]
#[kysera::plugin(soft_delete)]
struct Note {
    #[kysera(id)]
    id: i64,
    user_id: i64,
    deleted: bool,
}

fn main() {}
