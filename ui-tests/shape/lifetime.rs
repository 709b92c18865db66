use kysera::prelude::*;

#[derive(Repository)]
struct User<'a> {
    #[kysera(id)]
    id: i64,
    name: &'a str,
}

fn main() {}
