use kysera::prelude::*;

#[derive(Repository)]
#[kysera(table, schema = , columns())]
struct User {
    #[kysera(id)]
    id: i64,
}

fn main() {}
