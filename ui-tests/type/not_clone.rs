use kysera::prelude::*;

#[derive(Debug, sqlx::Type)]
#[sqlx(transparent)]
struct Secret(String);

#[derive(Repository)]
struct User {
    #[kysera(id)]
    id: i64,
    secret: Secret,
}

fn main() {}
