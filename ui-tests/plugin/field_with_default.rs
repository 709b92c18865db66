use kysera::prelude::*;

#[derive(Repository)]
#[kysera::plugin(timestamps, version)]
struct User {
    #[kysera(id)]
    id: i64,
    #[kysera(default)]
    created_at: i64,
    #[kysera(read_only)]
    updated_at: i64,
    #[kysera(default, read_only)]
    version: i32,
}

fn main() {}
