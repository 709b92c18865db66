use kysera::prelude::*;
use kysera::rls::Claims;

#[derive(Claims)]
struct Principal {
    user_id: i64,
    tenant_id: i64,
    is_admin: bool,
}

#[derive(Repository)]
#[kysera::plugin(rls(context = Principal, tenant(tenant_id)), version)]
struct Employee {
    #[kysera(id, read_if = Principal::IS_ADMIN.holds(), write_if = Principal::IS_ADMIN.holds())]
    id: i64,
    #[kysera(write_if = Principal::IS_ADMIN.holds())]
    tenant_id: i64,
    #[kysera(read_if = Principal::IS_ADMIN.holds(), mask = 0)]
    version: i32,
    #[kysera(read_only, write_if = Principal::IS_ADMIN.holds())]
    visits: i64,
    #[kysera(skip, write_if = Principal::IS_ADMIN.holds())]
    cache: i64,
    #[kysera(read_if)]
    salary: Option<i64>,
    #[kysera(writeif = Principal::IS_ADMIN.holds())]
    grade: i32,
}

#[derive(Repository)]
#[kysera(read_if = Principal::IS_ADMIN.holds())]
struct OnStruct {
    #[kysera(id)]
    id: i64,
}

fn main() {}
