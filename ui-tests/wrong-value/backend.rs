use kysera::prelude::*;

#[derive(Repository)]
#[kysera(backend = "Postgres")]
struct User {
    #[kysera(id)]
    id: i64,
}

fn main() {}
