use kysera::prelude::*;

#[derive(Repository)]
#[kysera(new(derive(PartialEq, PartialEq)))]
struct User {
    #[kysera(id)]
    id: i64,
}

fn main() {}
