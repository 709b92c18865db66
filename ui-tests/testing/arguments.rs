use kysera::prelude::*;

#[kysera::test]
async fn none() {}

#[kysera::test]
async fn two(db: Db<Sqlite>, other: Db<Sqlite>) {}

fn main() {}
