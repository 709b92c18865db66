use kysera::prelude::*;

#[derive(Repository)]
struct User(i64, String);

fn main() {}
