use kysera::prelude::*;

#[derive(Repository)]
struct User {
    #[kysera(id)]
    id: i64,
    #[kysera(assigned)]
    email: String,
}

fn main() {}
