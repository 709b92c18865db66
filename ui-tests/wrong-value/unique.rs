use kysera::prelude::*;

#[derive(Repository)]
#[kysera(unique, unique(), unique = "users_email_key", unique("email"))]
struct User {
    #[kysera(id)]
    id: i64,
    #[kysera(unique(a))]
    email: String,
}

fn main() {}
