use kysera::prelude::*;

#[derive(Repository)]
struct User {
    #[kysera(id)]
    id: i64,
    email: String,
    age: i32,
    bio: Option<String>,
    #[kysera(read_only)]
    visits: i64,
}

fn main() {
    let _ = UserPatch::new().id(1);
}
