use kysera::plugin::Versioned;
use kysera::prelude::*;

#[derive(Repository)]
#[kysera::plugin(version)]
struct User {
    #[kysera(id)]
    id: i64,
}

fn later(user: &User) -> bool {
    user.version() > 3
}

fn main() {}
