#![allow(unused)]

use kysera::prelude::*;
use kysera::{Conflict, ReadOnly};

#[derive(Repository)]
struct User {
    #[kysera(id)]
    id: i64,
    #[kysera(unique)]
    email: String,
}

#[derive(Repository)]
struct Tag {
    #[kysera(id, assigned)]
    name: String,
}

#[derive(Repository)]
#[kysera(backend(Postgres))]
struct Event {
    #[kysera(id)]
    id: i64,
    tags: Vec<String>,
}

async fn read(db: Db<Sqlite>) {
    let _ = Tag::repo(&db).find_by_id(7).await;
}

fn main() {}
