use kysera::prelude::*;

#[derive(Clone, Debug)]
struct Address {
    street: String,
}

#[derive(Repository)]
#[kysera(backend(Postgres))]
struct User {
    #[kysera(id)]
    id: i64,
    address: Address,
    other: Option<Address>,
}

fn main() {
    let _ = Address { street: "x".into() }.street;
}
