#![allow(unused)]

use kysera::prelude::*;

#[derive(Repository)]
#[kysera(table = "jobs")]
struct Job {
    #[kysera(id)]
    id: i64,
    state: String,
    tries: i32,
}

#[derive(Repository)]
#[kysera(table = "tags")]
struct Tag {
    #[kysera(id)]
    id: i64,
    uses: i32,
}

async fn call(db: Db<Sqlite>) {
    let _ = kysera::dal::parallel(&db, [Job::repo(&db).count(), Job::repo(&db).count()]).await;
}

fn main() {}
