use kysera::prelude::*;

#[derive(Repository)]
struct User {
    #[kysera(id)]
    id: i64,
    name: String,
}

fn main() {}

async fn call(users: UserRepository<Db<Sqlite>>) -> kysera::Result<()> {
    let _ = users.find().with_deleted().all().await?;
    let _ = users.find().only_deleted().count().await?;
    users.find().filter(User::ID.gt(1)).restore().await?;
    users.find().filter(User::ID.gt(1)).purge().await?;
    Ok(())
}
