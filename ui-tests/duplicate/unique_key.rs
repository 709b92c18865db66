use kysera::prelude::*;

#[derive(Repository)]
#[kysera(unique(tenant, email), unique(email, tenant), unique(email))]
struct User {
    #[kysera(id)]
    id: i64,
    tenant: i64,
    #[kysera(unique)]
    email: String,
}

fn main() {}
