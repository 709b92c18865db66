use kysera::prelude::*;
use kysera::rls::{Claims, Policy, Rules};

#[derive(Claims)]
struct Principal {
    user_id: i64,
    tenant_id: i64,
    is_admin: bool,
}

#[derive(Repository)]
#[kysera(context = Principal)]
#[kysera::plugin(rls(context = Principal))]
struct Invoice {
    #[kysera(id)]
    id: i64,
}

impl Policy<Principal> for Invoice {
    fn rules() -> Rules<Self, Principal> {
        Rules::new()
    }
}

#[derive(Repository)]
#[kysera(context = Principal)]
#[kysera::plugin(rls(tenant(tenant_id)))]
struct Note {
    #[kysera(id)]
    id: i64,
    tenant_id: i64,
}

fn main() {}
