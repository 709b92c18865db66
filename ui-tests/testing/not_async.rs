use kysera::prelude::*;

#[kysera::test]
fn reads(db: Db<Sqlite>) {}

fn main() {}
