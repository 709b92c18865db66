use kysera::prelude::*;

#[derive(Repository)]
#[kysera::plugin(version)]
struct User {
    #[kysera(id)]
    id: i64,
    name: String,
    version: i32,
}

fn main() {}

async fn call(users: UserRepository<Db<Sqlite>>) -> kysera::Result<()> {
    users.update_at(1, "3", UserPatch::new().name("Ada")).await?;
    users.update_at(1, UserPatch::new().name("Ada")).await?;
    Ok(())
}
