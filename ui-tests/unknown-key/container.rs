use kysera::prelude::*;

#[derive(Repository)]
#[kysera(tabel = "users")]
struct User {
    #[kysera(id)]
    id: i64,
}

fn main() {}
