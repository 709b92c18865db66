use kysera::prelude::*;
use kysera::rls::{Claims, Tenant};

#[derive(Claims)]
struct Principal {
    user_id: i64,
}

#[derive(Claims)]
struct Request {
    tenant_id: i64,
}

#[derive(Repository)]
#[kysera::plugin(rls(context = Principal, tenant(tenant_id)))]
struct NoClaim {
    #[kysera(id)]
    id: i64,
    tenant_id: i64,
}

#[derive(Repository)]
#[kysera::plugin(rls(context = Principal, tenant(tenant_id = Principal::ORG_ID)))]
struct NoClaimGiven {
    #[kysera(id)]
    id: i64,
    tenant_id: i64,
}

#[derive(Repository)]
#[kysera::plugin(rls(context = Principal, tenant(tenant_id = Request::TENANT_ID)))]
struct OfAnother {
    #[kysera(id)]
    id: i64,
    tenant_id: i64,
}

#[derive(Repository)]
#[kysera::plugin(rls(tenant(tenant_id = Principal::USER_ID)))]
struct NoContext {
    #[kysera(id)]
    id: i64,
    tenant_id: i64,
}

async fn reach(db: Db<Sqlite>) {
    let _ = NoContext::repo(db.with_context(Tenant(1_i64))).count().await;
}

fn main() {}
