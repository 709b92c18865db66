use kysera::prelude::*;

#[derive(Repository)]
#[kysera(unique(tenant, email, name = "users_key"))]
struct User {
    #[kysera(id)]
    id: i64,
    tenant: i64,
    #[kysera(unique = "users_key")]
    email: String,
}

fn main() {}
