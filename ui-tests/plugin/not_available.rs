use kysera::prelude::*;

#[derive(Repository)]
#[kysera::plugin(rls(context = Principal))]
struct User {
    #[kysera(id)]
    id: i64,
}

fn main() {}
