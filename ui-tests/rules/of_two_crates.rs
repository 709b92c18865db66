use kysera::prelude::*;

#[derive(Repository)]
struct User {
    #[kysera(id)]
    id: i64,
    #[validate(email)]
    email: String,
    #[garde(length(min = 1))]
    name: String,
}

fn main() {}
