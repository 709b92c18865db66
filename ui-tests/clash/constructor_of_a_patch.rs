use kysera::prelude::*;

#[derive(Repository)]
struct User {
    #[kysera(id)]
    id: i64,
    new: bool,
}

fn main() {
    let _ = UserPatch::new();
}
