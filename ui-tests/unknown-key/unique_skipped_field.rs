use kysera::prelude::*;

#[derive(Repository)]
#[kysera(unique(email, id))]
struct User {
    #[kysera(id)]
    id: i64,
    #[kysera(skip)]
    email: String,
}

fn main() {}
