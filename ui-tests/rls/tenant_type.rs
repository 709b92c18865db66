use kysera::prelude::*;
use kysera::rls::Claims;

#[derive(Claims)]
struct Principal {
    tenant_id: i64,
    org: String,
    teams: Vec<i64>,
}

#[derive(Repository)]
#[kysera::plugin(rls(context = Principal, tenant(tenant_id)))]
struct Named {
    #[kysera(id)]
    id: i64,
    tenant_id: i32,
}

#[derive(Repository)]
#[kysera::plugin(rls(context = Principal, tenant(org_id = Principal::ORG)))]
struct Given {
    #[kysera(id)]
    id: i64,
    org_id: Option<i64>,
}

#[derive(Repository)]
#[kysera::plugin(rls(context = Principal, tenant(team = Principal::TEAMS)))]
struct Several {
    #[kysera(id)]
    id: i64,
    team: i64,
}

#[derive(Repository)]
#[kysera::plugin(rls(tenant(tenant_id)))]
struct Whole {
    #[kysera(id)]
    id: i64,
    tenant_id: i16,
}

fn main() {}
