use kysera::prelude::*;
use kysera::rls::{Action, Claims, Policy, Rules};

#[derive(Claims)]
struct Principal {
    tenant_id: i64,
    user_id: i64,
}

// `rules` is missing: the policy below would be ignored.
#[derive(Repository)]
#[kysera::plugin(rls(context = Principal, tenant(tenant_id)))]
struct Invoice {
    #[kysera(id)]
    id: i64,
    tenant_id: i64,
    owner_id: i64,
}

impl Policy<Principal> for Invoice {
    fn rules() -> Rules<Self, Principal> {
        Rules::new().allow("owner", Action::ALL, Invoice::OWNER_ID.eq(Principal::USER_ID))
    }
}

fn main() {}
