use kysera::prelude::*;

#[derive(Repository)]
struct User {
    #[kysera(id)]
    #[kysera(id)]
    id: i64,
}

fn main() {}
