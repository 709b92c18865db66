use kysera::prelude::*;

#[derive(Debug, Repository, Factory)]
#[kysera(table = "users")]
pub struct User {
    #[kysera(id)]
    #[factory(value = 7)]
    pub id: i64,
    #[kysera(read_only)]
    #[factory(value = 7)]
    pub visits: i64,
}

fn main() {}
