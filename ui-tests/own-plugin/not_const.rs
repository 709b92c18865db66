use kysera::Entity;
use kysera::plugin::Plugin;
use kysera::prelude::*;

struct Limit(u64);

impl Limit {
    fn new(rows: u64) -> Self {
        Self(rows)
    }
}

impl<E: Entity> Plugin<E> for Limit {
    const NAME: &'static str = "limit";
}

#[derive(Repository)]
#[kysera::plugin(Limit::new(3))]
struct Post {
    #[kysera(id)]
    id: i64,
}

fn main() {}
