use kysera::prelude::*;

#[derive(Repository)]
struct User {
    #[kysera(id)]
    id: i64,
    #[kysera(primary_key)]
    other: i64,
}

fn main() {}
