use kysera::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
struct UserId(i64);

#[derive(Repository)]
struct User {
    #[kysera(id)]
    id: UserId,
}

fn main() {}
