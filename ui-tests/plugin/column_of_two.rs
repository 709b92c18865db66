use kysera::prelude::*;

#[derive(Repository)]
#[kysera::plugin(version(column = at), soft_delete(deleted_at = at), timestamps(created_at = time, updated_at = time))]
struct User {
    #[kysera(id)]
    id: i64,
    at: Option<i64>,
    time: i64,
}

fn main() {}
