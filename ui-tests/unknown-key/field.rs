use kysera::prelude::*;

#[derive(Repository)]
struct User {
    #[kysera(id)]
    id: i64,
    #[kysera(readonly)]
    visits: i64,
}

fn main() {}
