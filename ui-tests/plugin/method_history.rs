use kysera::prelude::*;

#[derive(Repository)]
struct User {
    #[kysera(id)]
    id: i64,
    name: String,
}

fn main() {}

async fn call(users: UserRepository<Db<Sqlite>>) -> kysera::Result<()> {
    let _ = users.history(1).all().await?;
    let _ = users.audit_log().count().await?;
    let _ = users.changes_by("Ada").all().await?;
    Ok(())
}
