use kysera::prelude::*;

#[derive(Repository)]
struct User {
    #[kysera(id = true)]
    id: i64,
    #[kysera(default(5))]
    level: i32,
}

fn main() {}
