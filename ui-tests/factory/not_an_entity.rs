use kysera::prelude::*;

#[derive(Factory)]
enum Role {
    Admin,
}

fn main() {}
