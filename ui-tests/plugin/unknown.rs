use kysera::prelude::*;

#[derive(Repository)]
#[kysera::plugin(softdelete, cache)]
struct User {
    #[kysera(id)]
    id: i64,
}

fn main() {}
