use kysera::prelude::*;

#[derive(Repository)]
#[kysera(unique(email, email, name = "a", name = "b"))]
struct User {
    #[kysera(id)]
    id: i64,
    email: String,
}

fn main() {}
