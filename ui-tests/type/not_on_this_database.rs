use kysera::prelude::*;

#[derive(Repository)]
#[kysera(backend(Sqlite))]
struct Post {
    #[kysera(id)]
    id: i64,
    tags: Vec<String>,
}

fn main() {}
