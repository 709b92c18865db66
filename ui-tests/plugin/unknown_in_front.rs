use kysera::prelude::*;

#[kysera::plugin(softdelete, my::Custom)]
#[derive(Repository)]
struct User {
    #[kysera(id)]
    id: i64,
}

fn main() {}
