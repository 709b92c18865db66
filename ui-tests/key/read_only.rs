use kysera::prelude::*;

#[derive(Repository)]
struct User {
    #[kysera(id, read_only)]
    id: i64,
}

fn main() {}
