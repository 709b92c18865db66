#![allow(unused)]

use kysera::prelude::*;

#[derive(Repository)]
struct User {
    #[kysera(id)]
    id: i64,
    #[kysera(unique)]
    email: String,
}

async fn write(db: Db<Sqlite>) {
    let replica = db.replica();
    let _ = User::repo(&replica).create(NewUser { email: "x".into() }).await;
}

async fn write_in_a_transaction(db: Db<Sqlite>) {
    let tx = db.replica().begin().await.unwrap();
    let _ = User::repo(&tx).delete(1).await;
}

fn main() {}
