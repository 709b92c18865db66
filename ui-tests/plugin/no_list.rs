use kysera::prelude::*;

#[derive(Repository)]
#[kysera::plugin]
struct User {
    #[kysera(id)]
    id: i64,
}

fn main() {}
