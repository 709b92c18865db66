use kysera::prelude::*;

#[derive(Repository)]
#[kysera::plugin(timestamps(deleted_at = deleted), soft_delete(explicit), version(chain))]
struct User {
    #[kysera(id)]
    id: i64,
    created_at: i64,
    updated_at: i64,
    version: i32,
    deleted: bool,
}

fn main() {}
