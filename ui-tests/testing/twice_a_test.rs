use kysera::prelude::*;

#[kysera::test]
#[tokio::test]
async fn reads(db: Db<Sqlite>) {}

#[kysera::test]
async fn generic<T>(db: Db<Sqlite>) {}

#[kysera::test]
struct NoFunction;

fn main() {}
