use kysera::prelude::*;

#[derive(Repository)]
#[kysera(read_only)]
struct User {
    #[kysera(id)]
    id: i64,
}

fn main() {}
