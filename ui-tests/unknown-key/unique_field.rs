use kysera::prelude::*;

#[derive(Repository)]
#[kysera(unique(emial, id))]
struct User {
    #[kysera(id)]
    id: i64,
    email: String,
}

fn main() {}
