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
#[kysera(of = User)]
struct Card {
    id: i64,
    bio: String,
    #[kysera(from = User::AGE)]
    years: i64,
    #[kysera(expr = User::NAME.length())]
    length: i32,
}

fn main() {}
