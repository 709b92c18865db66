use kysera::prelude::*;

#[derive(Debug, Repository, Factory)]
#[kysera(table = "users")]
pub struct User {
    #[kysera(id)]
    pub id: i64,
    #[factory(valu = "Ada")]
    pub name: String,
    #[factory(value = "x", sequence = |n| n)]
    pub email: String,
    #[factory(sequence)]
    pub age: i64,
    #[factory(fake = 1..3)]
    pub rank: i64,
    #[factory(parent = ID)]
    pub boss_id: i64,
    #[factory]
    pub team: i64,
}

fn main() {}
