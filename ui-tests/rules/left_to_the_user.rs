use kysera::prelude::*;

#[derive(Repository)]
#[kysera(validate)]
struct User {
    #[kysera(id)]
    id: i64,
    name: String,
}

impl Validate for NewUser {}

fn main() {}
