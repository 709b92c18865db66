use kysera::prelude::*;

#[derive(Repository)]
union User {
    id: i64,
    bits: u64,
}

fn main() {}
