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

async fn run(jobs: JobRepository<Db<Sqlite>>) {
    let _ = jobs.transition(1, Job::STATE, "open", 7, JobPatch::new()).await;
}

fn main() {}
