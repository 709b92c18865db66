use kysera::prelude::*;

#[derive(Repository)]
struct User {
    #[kysera(id)]
    id: i64,
    email: String,
}

impl User {
    const EMAIL: &str = "x";
}

fn main() {}
