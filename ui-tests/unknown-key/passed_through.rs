use kysera::prelude::*;

#[derive(Repository)]
#[kysera(new(derives(PartialEq)), patch(derive("PartialEq")))]
struct User {
    #[kysera(id)]
    id: i64,
}

fn main() {}
