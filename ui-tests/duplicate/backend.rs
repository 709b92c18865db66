use kysera::prelude::*;

#[derive(Repository)]
#[kysera(backend(Sqlite, Sqlite))]
struct User {
    #[kysera(id)]
    id: i64,
}

fn main() {}
