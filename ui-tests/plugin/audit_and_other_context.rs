use std::borrow::Cow;

use kysera::prelude::*;

#[derive(Repository)]
#[kysera(context = Request)]
#[kysera::plugin(audit)]
struct User {
    #[kysera(id)]
    id: i64,
}

struct Request;

impl kysera::Actor for Request {
    fn actor(&self) -> Option<Cow<'_, str>> {
        None
    }
}

fn main() {}

async fn count(db: Db<Sqlite>) -> kysera::Result<u64> {
    User::repo(db).count().await
}
