use kysera::prelude::*;

#[derive(Repository)]
#[kysera::plugin(version, audit, Slug)]
struct User<T> {
    #[kysera(id)]
    id: i64,
    version: T,
}

#[derive(Repository)]
#[kysera::plugin(version)]
enum Role {
    Admin,
}

fn main() {}
