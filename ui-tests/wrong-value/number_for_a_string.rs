use kysera::prelude::*;

#[derive(Repository)]
#[kysera(table = 3)]
struct User {
    #[kysera(id)]
    id: i64,
}

fn main() {}
