use kysera::prelude::*;

#[derive(Debug, Repository)]
struct User {
    #[kysera(id)]
    id: i64,
    name: String,
}

fn main() {
    let _ = User::query_schema();
}
