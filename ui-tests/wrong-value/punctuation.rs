use kysera::prelude::*;

#[derive(Repository)]
#[kysera(table: "users", "schema", , new[derive(Eq)])]
struct User {
    #[kysera(id assigned)]
    id: i64,
}

fn main() {}
