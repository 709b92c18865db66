use kysera::prelude::*;

#[kysera::test(migration = "migrations", threads = 0, connections = "5", fixtures = "users.sql", file = true)]
async fn keys(db: Db<Sqlite>) {}

#[kysera::test(migrations = on, setup = "tables")]
async fn values(db: Db<Sqlite>) {}

#[kysera::test(migrations = off, migrator = migrator, threads = 1, threads = 2)]
async fn twice(db: Db<Sqlite>) {}

fn main() {}
