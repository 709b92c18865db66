use kysera::prelude::*;

#[derive(Repository)]
#[kysera(backend(Postgre, Oracle, Sqlite))]
struct User {
    #[kysera(id)]
    id: i64,
}

fn main() {}
