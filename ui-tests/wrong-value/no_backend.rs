use kysera::prelude::*;

#[derive(Repository)]
#[kysera(backend())]
struct User {
    #[kysera(id)]
    id: i64,
}

fn main() {}
