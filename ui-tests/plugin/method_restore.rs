use kysera::prelude::*;

#[derive(Repository)]
struct User {
    #[kysera(id)]
    id: i64,
    name: String,
}

fn main() {}

async fn call(users: UserRepository<Db<Sqlite>>) -> kysera::Result<()> {
    users.restore(1).await?;
    users.restore_many([1, 2]).await?;
    Ok(())
}
