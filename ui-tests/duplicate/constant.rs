use kysera::prelude::*;

#[derive(Repository)]
#[allow(non_snake_case)]
struct User {
    #[kysera(id)]
    id: i64,
    a_b: String,
    A_b: String,
}

fn main() {}
