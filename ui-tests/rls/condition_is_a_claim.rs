use kysera::prelude::*;
use kysera::rls::{Action, Claims, Policy, Rules};

#[derive(Claims)]
struct Principal {
    user_id: i64,
    is_admin: bool,
}

#[derive(Repository)]
#[kysera::plugin(rls(context = Principal))]
struct Invoice {
    #[kysera(id)]
    id: i64,
    owner_id: i64,
}

impl Policy<Principal> for Invoice {
    fn rules() -> Rules<Self, Principal> {
        Rules::new().allow("admin", Action::ALL, Principal::IS_ADMIN)
    }
}

fn main() {}
