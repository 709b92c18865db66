use kysera::plugin::Plugin;
use kysera::prelude::*;
use kysera::Entity;

struct A;

impl<E: Entity> Plugin<E> for A {
    const NAME: &'static str = "a";
    const REQUIRES: &'static [&'static str] = &["b"];
}

struct B;

impl<E: Entity> Plugin<E> for B {
    const NAME: &'static str = "b";
    const REQUIRES: &'static [&'static str] = &["a"];
}

struct C;

impl<E: Entity> Plugin<E> for C {
    const NAME: &'static str = "c";
    const REQUIRES: &'static [&'static str] = &["a"];
}

#[derive(Repository)]
#[kysera::plugin(A, B, C)]
struct Post {
    #[kysera(id)]
    id: i64,
    version: i32,
}

fn main() {}
