use kysera::prelude::*;

#[kysera::plugin(rls)]
#[derive(Repository)]
#[kysera::plugin(rls)]
struct User {
    #[kysera(id)]
    id: i64,
}

fn main() {}
