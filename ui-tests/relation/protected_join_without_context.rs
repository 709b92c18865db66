use kysera::prelude::*;

struct Principal;

#[derive(Repository)]
#[kysera(context = Principal)]
struct Secret {
    #[kysera(id)]
    id: i64,
    owner_id: i64,
}

#[derive(Repository)]
#[kysera(has_many(secrets = Secret::OWNER_ID), has_one(secret = Secret::OWNER_ID))]
struct User {
    #[kysera(id)]
    id: i64,
}

async fn join(db: Db<Sqlite>) {
    let _ = User::repo(&db).find().join(User::SECRET).all().await;
}

fn main() {}
