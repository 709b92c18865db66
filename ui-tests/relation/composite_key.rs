use kysera::prelude::*;

#[derive(Repository)]
#[kysera(has_many(notes = Note::USER), has_one(last = Note::USER, key = user))]
struct Member {
    #[kysera(id)]
    org: i64,
    #[kysera(id)]
    user: i64,
}

#[derive(Repository)]
struct Note {
    #[kysera(id)]
    id: i64,
    user: i64,
}

fn main() {}
