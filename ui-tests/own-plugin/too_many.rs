use kysera::plugin::Plugin;
use kysera::prelude::*;
use kysera::Entity;

struct A;

impl<E: Entity> Plugin<E> for A {
    const NAME: &'static str = "a";
}

struct B;

impl<E: Entity> Plugin<E> for B {
    const NAME: &'static str = "b";
}

struct C;

impl<E: Entity> Plugin<E> for C {
    const NAME: &'static str = "c";
}

struct D;

impl<E: Entity> Plugin<E> for D {
    const NAME: &'static str = "d";
}

struct F;

impl<E: Entity> Plugin<E> for F {
    const NAME: &'static str = "f";
}

struct G;

impl<E: Entity> Plugin<E> for G {
    const NAME: &'static str = "g";
}

struct H;

impl<E: Entity> Plugin<E> for H {
    const NAME: &'static str = "h";
}

struct I;

impl<E: Entity> Plugin<E> for I {
    const NAME: &'static str = "i";
}

struct J;

impl<E: Entity> Plugin<E> for J {
    const NAME: &'static str = "j";
}

#[derive(Repository)]
#[kysera::plugin(A, B, C, D, F, G, H, I, J)]
struct Post {
    #[kysera(id)]
    id: i64,
    version: i32,
}

fn main() {}
