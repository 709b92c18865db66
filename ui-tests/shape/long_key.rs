use kysera::prelude::*;

#[derive(Repository)]
struct Keyed {
    #[kysera(id)]
    c1: i32,
    #[kysera(id)]
    c2: i32,
    #[kysera(id)]
    c3: i32,
    #[kysera(id)]
    c4: i32,
    #[kysera(id)]
    c5: i32,
    #[kysera(id)]
    c6: i32,
    #[kysera(id)]
    c7: i32,
    #[kysera(id)]
    c8: i32,
    #[kysera(id)]
    c9: i32,
    #[kysera(id)]
    c10: i32,
    #[kysera(id)]
    c11: i32,
    #[kysera(id)]
    c12: i32,
    #[kysera(id)]
    c13: i32,
}

fn main() {}
