use kysera::prelude::*;

#[derive(Repository)]
struct User {
    #[kysera(skip)]
    id: i64,
    #[kysera(skip)]
    name: String,
}

fn main() {}
