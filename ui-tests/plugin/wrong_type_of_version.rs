use kysera::prelude::*;

#[derive(Repository)]
#[kysera::plugin(version)]
struct User {
    #[kysera(id)]
    id: i64,
    version: Option<i32>,
}

fn main() {}
