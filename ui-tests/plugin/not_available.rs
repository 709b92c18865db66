use kysera::prelude::*;

#[derive(Repository)]
#[kysera::plugin(soft_delete, timestamps(explicit))]
struct User {
    #[kysera(id)]
    id: i64,
}

fn main() {}
