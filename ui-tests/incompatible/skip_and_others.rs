use kysera::prelude::*;

#[derive(Repository)]
struct User {
    #[kysera(id)]
    id: i64,
    #[kysera(skip, rename = "mail")]
    email: String,
    #[kysera(default, unique, skip)]
    name: String,
}

fn main() {}
