use kysera::prelude::*;

#[derive(Repository)]
#[kysera::plugin(audit)]
struct User {
    #[kysera(id)]
    id: i64,
}

struct Request;

fn main() {}

async fn count(db: Db<Sqlite>) -> kysera::Result<u64> {
    User::repo(db.with_context(Request)).count().await
}
