use kysera::prelude::*;

#[derive(Debug, Repository)]
struct User {
    #[kysera(id)]
    id: i64,
    email: String,
    age: i32,
}


fn main() {
    let _ = User::EMAIL.contains_all(vec!["a"]);
}
