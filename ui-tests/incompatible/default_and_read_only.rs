use kysera::prelude::*;

#[derive(Repository)]
struct User {
    #[kysera(id)]
    id: i64,
    #[kysera(default, read_only)]
    visits: i64,
}

fn main() {}
