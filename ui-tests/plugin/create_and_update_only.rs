use kysera::prelude::*;

#[derive(Repository)]
#[kysera::plugin(timestamps(create_only, update_only))]
struct User {
    #[kysera(id)]
    id: i64,
    created_at: i64,
    updated_at: i64,
}

#[derive(Repository)]
#[kysera::plugin(timestamps(updated_at = changed, create_only))]
struct Post {
    #[kysera(id)]
    id: i64,
    created_at: i64,
    changed: i64,
}

fn main() {}
