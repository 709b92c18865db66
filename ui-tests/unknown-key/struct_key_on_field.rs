use kysera::prelude::*;

#[derive(Repository)]
struct User {
    #[kysera(id, table = "users")]
    id: i64,
}

fn main() {}
