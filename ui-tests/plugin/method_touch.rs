use kysera::prelude::*;

#[derive(Repository)]
#[kysera::plugin(timestamps(create_only))]
struct User {
    #[kysera(id)]
    id: i64,
    name: String,
    created_at: i64,
}

fn main() {}

async fn call(users: UserRepository<Db<Sqlite>>) -> kysera::Result<()> {
    users.touch(1).await?;
    users.touch_many([1, 2]).await?;
    Ok(())
}
