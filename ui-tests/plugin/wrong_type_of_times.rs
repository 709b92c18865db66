use kysera::prelude::*;

#[derive(Repository)]
#[kysera::plugin(timestamps)]
struct User {
    #[kysera(id)]
    id: i64,
    created_at: i32,
    updated_at: Option<String>,
}

fn main() {}
