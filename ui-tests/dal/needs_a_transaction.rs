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

async fn transfer(tx: &impl InTransaction<Database = Sqlite>) -> kysera::Result<()> {
    Ok(())
}

async fn call(db: Db<Sqlite>) {
    let _ = transfer(&db).await;
}

fn main() {}
