use kysera::prelude::*;

#[derive(Repository)]
struct User<const N: usize> {
    #[kysera(id)]
    id: i64,
}

fn main() {}
