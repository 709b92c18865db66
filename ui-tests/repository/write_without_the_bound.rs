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

async fn write<S: Source<Database = Sqlite, Context = ()>>(source: S) {
    let _ = User::repo(source).delete(1).await;
}

fn main() {}
