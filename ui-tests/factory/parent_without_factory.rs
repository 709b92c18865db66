use kysera::prelude::*;

#[derive(Debug, Repository)]
#[kysera(table = "teams")]
pub struct Team {
    #[kysera(id)]
    pub id: i64,
}

#[derive(Debug, Repository, Factory)]
#[kysera(table = "users")]
pub struct User {
    #[kysera(id)]
    pub id: i64,
    #[factory(parent = Team::ID)]
    pub team_id: i64,
}

async fn create(db: &Db<Sqlite>) {
    let _ = User::factory(&kysera::testing::Sequence::new()).create(db).await;
}

fn main() {}
