use kysera::prelude::*;

#[derive(Repository)]
struct User {
    #[kysera(id)]
    id: i64,
    name: String,
}

fn main() {}

async fn call(users: UserRepository<Db<Sqlite>>) -> kysera::Result<()> {
    let user = users.get(1).await?;
    users.save(&user).await?;
    Ok(())
}
