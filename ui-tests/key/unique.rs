use kysera::prelude::*;

#[derive(Repository)]
struct User {
    #[kysera(id, unique = "users_pkey")]
    id: i64,
}

fn main() {}
