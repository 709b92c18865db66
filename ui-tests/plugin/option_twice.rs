use kysera::prelude::*;

#[derive(Repository)]
#[kysera::plugin(timestamps(explicit, explicit), version(column = version, column = revision))]
struct User {
    #[kysera(id)]
    id: i64,
    created_at: i64,
    updated_at: i64,
    version: i32,
    revision: i32,
}

fn main() {}
