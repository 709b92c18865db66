use kysera::prelude::*;
use kysera::rls::Claims;

#[derive(Claims)]
struct Principal {
    user_id: i64,
    tenant_id: i64,
    is_admin: bool,
}

use kysera::rls::{Action, Policy, Rules};

#[derive(Repository)]
#[kysera::plugin(rls(context = Principal))]
struct Invoice {
    #[kysera(id)]
    id: i64,
    owner_id: i64,
}

impl Policy<Principal> for Invoice {
    fn rules() -> Rules<Self, Principal> {
        Rules::new().allow("owner", Action::ALL, |who| Invoice::OWNER_ID.eq(who.user_id))
    }
}

fn main() {}
