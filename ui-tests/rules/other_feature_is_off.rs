use kysera::prelude::*;

#[derive(Repository)]
struct User {
    #[kysera(id)]
    id: i64,
    #[validate(email)]
    email: String,
}

fn main() {}
