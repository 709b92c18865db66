use kysera::prelude::*;
use kysera::rls::Claims;

#[derive(Claims)]
struct Principal {
    user_id: i64,
    tenant_id: i64,
    is_admin: bool,
}

#[derive(Repository)]
#[kysera::plugin(rls)]
struct Nobody {
    #[kysera(id)]
    id: i64,
}

#[derive(Repository)]
#[kysera::plugin(rls())]
struct Nothing {
    #[kysera(id)]
    id: i64,
}

#[derive(Repository)]
#[kysera::plugin(rls(contxt = Principal))]
struct Unknown {
    #[kysera(id)]
    id: i64,
}

#[derive(Repository)]
#[kysera::plugin(rls(Principal))]
struct NoName {
    #[kysera(id)]
    id: i64,
}

#[derive(Repository)]
#[kysera::plugin(rls(context = Principal, rules))]
struct RulesAlone {
    #[kysera(id)]
    id: i64,
}

#[derive(Repository)]
#[kysera::plugin(rls(context = Principal), audit(tenant(id)))]
struct Elsewhere {
    #[kysera(id)]
    id: i64,
}

impl kysera::rls::Policy<Principal> for Elsewhere {
    fn rules() -> kysera::rls::Rules<Self, Principal> {
        kysera::rls::Rules::new()
    }
}

impl kysera::Actor for Principal {
    fn actor(&self) -> Option<std::borrow::Cow<'_, str>> {
        None
    }
}

fn main() {}
