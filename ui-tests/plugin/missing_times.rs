use kysera::prelude::*;

#[derive(Repository)]
#[kysera::plugin(timestamps)]
struct User {
    #[kysera(id)]
    id: i64,
}

#[derive(Repository)]
#[kysera::plugin(timestamps(explicit))]
struct Post {
    #[kysera(id)]
    id: i64,
    created_at: i64,
}

#[derive(Repository)]
#[kysera::plugin(timestamps(create_only))]
struct Note {
    #[kysera(id)]
    id: i64,
}

fn main() {
    let _ = NewPost { created_at: None };
}
