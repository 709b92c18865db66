//! `#[kysera::plugin()]` on both sides of the derive.
#![deny(warnings)]

use kysera::{Repository, plugin};

#[derive(Debug, Repository)]
#[kysera::plugin()]
#[kysera(table = "a")]
pub struct Behind {
    #[kysera(id)]
    pub id: i64,
}

#[kysera::plugin()]
#[derive(Debug, Repository)]
#[kysera(table = "b")]
pub struct Before {
    #[kysera(id)]
    pub id: i64,
}

#[derive(Debug)]
#[plugin()]
#[derive(Clone, kysera::Repository)]
pub struct Between {
    #[kysera(id)]
    pub id: i64,
}

#[derive(Debug, Repository)]
#[kysera(table = "d")]
#[::kysera::plugin()]
#[derive(Clone)]
pub struct Early {
    #[kysera(id)]
    pub id: i64,
}

fn main() {
    let _ = (Behind::ID.eq(1), Before::ID.eq(1), Between::ID.eq(1), Early::ID.eq(1));
    assert_eq!(Early { id: 1 }.clone().id, Before { id: 1 }.id);
    assert_eq!(Between { id: 1 }.clone().id, Behind { id: 1 }.id);
}
