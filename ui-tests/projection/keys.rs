use kysera::prelude::*;

#[derive(Repository)]
struct User {
    #[kysera(id)]
    id: i64,
    name: String,
    bio: Option<String>,
    age: i32,
}

#[derive(Projection)]
#[kysera(of = User, table = "users", from = User)]
struct Card {
    #[kysera(form = User::ID)]
    id: i64,
    #[kysera(from = User::NAME, expr = User::NAME.lower())]
    name: String,
    #[kysera(from = "name")]
    text: String,
}

fn main() {}
