use kysera::prelude::*;

#[derive(Repository)]
#[kysera(crate = "kysera", columns = "UserColumns")]
struct User {
    #[kysera(id)]
    id: i64,
}

fn main() {}
