use kysera::prelude::*;

#[derive(Repository)]
struct User {
    #[kysera(id)]
    id: i64,
    name: String,
    bio: Option<String>,
    age: i32,
}

struct Card {
    id: i64,
}

async fn cards(users: UserRepository<Db<Sqlite>>) -> kysera::Result<Vec<Card>> {
    users.find().select_as::<Card>().all().await
}

fn main() {}
