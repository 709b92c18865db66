#![allow(unused)]

use kysera::Position;
use kysera::prelude::*;

async fn read(db: Db<Sqlite>, position: Position) {
    let replica = db.replica().at_least(position);
}

async fn ask(db: Db<Sqlite>) {
    let position = db.position().await;
}

fn main() {}
