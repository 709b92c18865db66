use kysera::prelude::*;

struct Cache;

#[derive(Repository)]
struct User {
    #[kysera(id)]
    id: i64,
    #[kysera(skip)]
    cache: Cache,
}

fn main() {}
