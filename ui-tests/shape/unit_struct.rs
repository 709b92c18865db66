use kysera::prelude::*;

#[derive(Repository)]
struct User;

fn main() {}
