use kysera::prelude::*;

#[derive(Repository)]
#[kysera::plugin(soft_delete, timestamps, version)]
struct User {
    #[kysera(id)]
    id: i64,
    name: String,
    version: i32,
    created_at: i64,
    updated_at: i64,
    deleted: bool,
}

fn main() {}

async fn call(db: kysera::Replica<Sqlite>, user: User) -> kysera::Result<()> {
    let users = User::repo(&db);
    users.restore(1).await?;
    users.touch(1).await?;
    users.save(&user).await?;
    Ok(())
}
