use kysera::prelude::*;

#[derive(Repository)]
#[kysera::plugin(soft_delete(deleted_at = removed), version(column = rev))]
struct User {
    #[kysera(id)]
    id: i64,
    removed_on: Option<i64>,
    revision: i32,
}

fn main() {}
