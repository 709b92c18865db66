use kysera::prelude::*;

#[derive(Repository)]
struct User {
    #[kysera(id, skip)]
    id: i64,
    name: String,
}

fn main() {}
