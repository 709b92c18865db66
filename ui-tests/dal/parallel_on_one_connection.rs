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

async fn count<S: Source<Database = Sqlite, Context = ()>>(source: &S) -> kysera::Result<u64> {
    Job::repo(source).count().await
}

async fn call(conn: kysera::Conn<Sqlite>) {
    let _ = kysera::dal::parallel(&conn, (count, count)).await;
}

fn main() {}
