use kysera::prelude::*;

#[derive(Repository)]
#[kysera::plugin(soft_delete)]
struct User {
    #[kysera(id)]
    id: i64,
}

fn main() {}
