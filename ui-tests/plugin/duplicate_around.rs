use kysera::prelude::*;

#[kysera::plugin(audit)]
#[derive(Repository)]
#[kysera::plugin(audit)]
struct User {
    #[kysera(id)]
    id: i64,
}

fn main() {}
