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
enum Either {
    A,
}

#[derive(Projection)]
#[kysera(of = User)]
struct Pair(i64, String);

#[derive(Projection)]
#[kysera(of = User)]
struct Nothing;

#[derive(Projection)]
#[kysera(of = User)]
struct Generic<T> {
    id: T,
}

#[derive(Projection)]
#[kysera(of = User)]
struct Borrowing<'a> {
    name: &'a str,
}

fn main() {}
