use kysera::prelude::*;

#[derive(Repository)]
#[kysera(columns = NewUser)]
struct User {
    #[kysera(id)]
    id: i64,
}

fn main() {}
