use kysera::prelude::*;

#[kysera::plugin(rls, audit)]
#[derive(Repository)]
struct User {
    #[kysera(id)]
    id: i64,
}

fn main() {}
