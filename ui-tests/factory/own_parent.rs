use kysera::prelude::*;

#[derive(Debug, Repository, Factory)]
#[kysera(table = "users")]
pub struct User {
    #[kysera(id)]
    pub id: i64,
    #[factory(parent = User::ID)]
    pub boss_id: i64,
}

fn main() {}
