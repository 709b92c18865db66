use kysera::prelude::*;
use kysera::rls::Claims;

#[derive(Claims)]
struct Principal {
    user_id: i64,
    tenant_id: i64,
    is_admin: bool,
}

#[derive(Repository)]
#[kysera::plugin(rls(context = Principal))]
struct Invoice {
    #[kysera(id)]
    id: i64,
}

#[derive(Repository)]
#[kysera::plugin(rls(context = Principal, tenant(tenant_id), rules))]
struct Line {
    #[kysera(id)]
    id: i64,
    tenant_id: i64,
}

#[derive(Repository)]
#[kysera::plugin(rls(tenant(tenant_id), rules))]
struct Note {
    #[kysera(id)]
    id: i64,
    tenant_id: Option<i64>,
}

fn main() {}
