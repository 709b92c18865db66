use kysera::prelude::*;

#[derive(Repository)]
#[kysera(rename_all = "CamelCase")]
struct User {
    #[kysera(id)]
    id: i64,
}

fn main() {}
