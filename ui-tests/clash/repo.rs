use kysera::prelude::*;

#[derive(Repository)]
struct User {
    #[kysera(id)]
    id: i64,
}

impl User {
    fn repo() {}
}

fn main() {}
