use kysera::prelude::*;

#[derive(Repository)]
#[kysera(backend(MySql, Sqlite))]
struct User {
    #[kysera(id)]
    id: i64,
}

fn main() {}
