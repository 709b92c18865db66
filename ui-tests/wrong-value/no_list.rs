use kysera::prelude::*;

#[derive(Repository)]
#[kysera]
struct User {
    #[kysera = "id"]
    #[kysera(id)]
    id: i64,
}

fn main() {}
