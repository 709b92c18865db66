use kysera::prelude::*;
use kysera::rls::Claims;

#[derive(Claims)]
struct Principal {
    user_id: i64,
    tenant_id: i64,
    is_admin: bool,
}

#[derive(Repository)]
#[kysera::plugin(rls(context = Principal, tenant(tennant_id)))]
struct Missing {
    #[kysera(id)]
    id: i64,
    tenant_id: i64,
}

#[derive(Repository)]
#[kysera::plugin(rls(tenant(id)))]
struct Key {
    #[kysera(id)]
    id: i64,
}

#[derive(Repository)]
#[kysera::plugin(rls(tenant(tenant_id)))]
struct Defaulted {
    #[kysera(id)]
    id: i64,
    #[kysera(default)]
    tenant_id: i64,
}

#[derive(Repository)]
#[kysera::plugin(rls(tenant(tenant_id)))]
struct ReadOnly {
    #[kysera(id)]
    id: i64,
    #[kysera(read_only)]
    tenant_id: i64,
}

#[derive(Repository)]
#[kysera::plugin(rls(tenant(tenant_id)))]
struct Skipped {
    #[kysera(id)]
    id: i64,
    #[kysera(skip)]
    tenant_id: i64,
}

#[derive(Repository)]
#[kysera::plugin(version(column = tenant_id), rls(tenant(tenant_id)))]
struct Taken {
    #[kysera(id)]
    id: i64,
    tenant_id: i64,
}

#[derive(Repository)]
#[kysera::plugin(rls(tenant))]
struct None {
    #[kysera(id)]
    id: i64,
}

#[derive(Repository)]
#[kysera::plugin(rls(tenant = tenant_id))]
struct NoList {
    #[kysera(id)]
    id: i64,
    tenant_id: i64,
}

#[derive(Repository)]
#[kysera::plugin(rls(tenant(tenant_id, org_id)))]
struct Two {
    #[kysera(id)]
    id: i64,
    tenant_id: i64,
    org_id: i64,
}

fn main() {}
