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

async fn read(tx: kysera::ReadOnly<kysera::Tx<Sqlite>>) {
    let _ = Job::repo(&tx).find().for_share().all().await;
}

fn main() {}
