use kysera::prelude::*;

#[derive(Repository)]
#[kysera(table = "users", table = "people")]
struct User {
    #[kysera(id)]
    id: i64,
}

fn main() {}
