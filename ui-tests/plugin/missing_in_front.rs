use kysera::prelude::*;

#[kysera::plugin(version)]
#[derive(Repository)]
#[kysera::plugin(soft_delete)]
struct User {
    #[kysera(id)]
    id: i64,
}

fn main() {}
