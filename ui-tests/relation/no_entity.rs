use kysera::prelude::*;

struct Other;

impl Other {
    const ID: i64 = 1;
}

#[derive(Repository)]
#[kysera(has_many(posts = AUTHOR_ID), has_many(others = Other::ID), has_many(absent = Absent::ID))]
#[kysera(has_many(wrong = User::NOTHING))]
struct User {
    #[kysera(id)]
    id: i64,
}

fn main() {}
