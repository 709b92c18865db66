use kysera::prelude::*;

#[derive(Repository)]
#[kysera::plugin(version, soft_delete(deleted_at = gone))]
struct User {
    #[kysera(id)]
    id: i64,
    #[kysera(skip)]
    version: i32,
    #[kysera(skip)]
    gone: bool,
}

fn main() {}
