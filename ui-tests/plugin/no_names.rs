use kysera::prelude::*;

#[derive(Repository)]
#[kysera::plugin("audit", 3, a b)]
struct User {
    #[kysera(id)]
    id: i64,
}

fn main() {}
