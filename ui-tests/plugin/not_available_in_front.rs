use kysera::prelude::*;

#[kysera::plugin(version, audit)]
#[derive(Repository)]
struct User {
    #[kysera(id)]
    id: i64,
}

fn main() {}
