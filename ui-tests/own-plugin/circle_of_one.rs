use kysera::plugin::Plugin;
use kysera::prelude::*;
use kysera::Entity;

struct A;

impl<E: Entity> Plugin<E> for A {
    const NAME: &'static str = "a";
    const REQUIRES: &'static [&'static str] = &["a"];
}

#[derive(Repository)]
#[kysera::plugin(A)]
struct Post {
    #[kysera(id)]
    id: i64,
    version: i32,
}

fn main() {}
