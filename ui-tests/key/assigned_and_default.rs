use kysera::prelude::*;

#[derive(Repository)]
struct User {
    #[kysera(id, default, assigned)]
    id: i64,
}

fn main() {}
