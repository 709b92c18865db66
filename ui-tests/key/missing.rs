use kysera::prelude::*;

#[derive(Repository)]
struct User {
    id: i64,
    name: String,
}

fn main() {
    let user = User { id: 1, name: "x".into() };
    let _ = (user.id, user.name, User::NAME.eq("x"), UserPatch::new().name("y"));
}
