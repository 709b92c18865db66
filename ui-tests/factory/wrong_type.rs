use kysera::prelude::*;

#[derive(Debug, Repository, Factory)]
#[kysera(table = "users")]
pub struct User {
    #[kysera(id)]
    pub id: i64,
    #[factory(value = 7)]
    pub name: String,
    #[factory(sequence = |n| format!("{n}"))]
    pub age: i64,
}

fn main() {}
