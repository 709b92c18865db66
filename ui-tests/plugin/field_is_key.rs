use kysera::prelude::*;

#[derive(Repository)]
#[kysera::plugin(version)]
struct Page {
    #[kysera(id)]
    name: String,
    #[kysera(id)]
    version: i32,
}

fn main() {}
