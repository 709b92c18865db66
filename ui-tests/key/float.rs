use kysera::prelude::*;

#[derive(Repository)]
struct Point {
    #[kysera(id)]
    x: f64,
    #[kysera(id)]
    y: f64,
}

fn main() {}
