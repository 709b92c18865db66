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

async fn set(jobs: JobRepository<Db<Sqlite>>) {
    let _ = jobs.find().set(Job::TRIES, Tag::USES.plus(1)).execute().await;
}

fn main() {}
