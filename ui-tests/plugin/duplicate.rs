use kysera::prelude::*;

#[derive(Repository)]
#[kysera::plugin(rls)]
#[kysera::plugin(rls)]
struct User {
    #[kysera(id)]
    id: i64,
}

fn main() {}
