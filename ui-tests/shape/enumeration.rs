use kysera::prelude::*;

#[derive(Repository)]
enum User {
    Known { id: i64 },
    Guest,
}

fn main() {
    let _ = UserPatch::new();
}
