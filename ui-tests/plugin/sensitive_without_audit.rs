use kysera::prelude::*;

#[derive(Repository)]
#[kysera::plugin(version)]
struct User {
    #[kysera(id)]
    id: i64,
    #[kysera(sensitive)]
    password: String,
    version: i32,
}

#[derive(Repository)]
#[kysera::plugin(audit)]
struct Account {
    #[kysera(id, sensitive)]
    id: i64,
    #[kysera(skip, sensitive)]
    cached: String,
    #[kysera(sensitive = true)]
    pin: String,
}

fn main() {}
