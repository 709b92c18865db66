use kysera::prelude::*;

#[derive(Repository)]
#[kysera::plugin(version, r#version)]
#[kysera::plugin(version(column = revision))]
struct User {
    #[kysera(id)]
    id: i64,
    version: i32,
    revision: i32,
}

fn main() {}
