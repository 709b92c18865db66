use kysera::prelude::*;

#[derive(Repository)]
#[kysera(backend(Postgres, Sqlite))]
struct Post {
    #[kysera(id)]
    id: i64,
    tags: Option<Vec<String>>,
}

fn main() {}
