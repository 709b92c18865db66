use kysera::prelude::*;

#[derive(Repository)]
#[kysera(schema_file)]
struct A {
    #[kysera(id)]
    id: i64,
}

#[derive(Repository)]
#[kysera(schema_file = on)]
struct B {
    #[kysera(id)]
    id: i64,
}

#[derive(Repository)]
#[kysera(schema_file = "")]
struct C {
    #[kysera(id)]
    id: i64,
}

#[derive(Repository)]
#[kysera(schema_file = 1, partial = 2)]
struct D {
    #[kysera(id)]
    id: i64,
}

fn main() {}
