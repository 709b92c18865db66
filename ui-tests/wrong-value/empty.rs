use kysera::prelude::*;

#[derive(Repository)]
#[kysera(table = "", schema = "")]
struct User {
    #[kysera(id, rename = "")]
    id: i64,
}

fn main() {}
