use kysera::prelude::*;
use kysera::rls::Claims;

#[derive(Claims)]
struct Principal {
    user_id: i64,
    tenant_id: i64,
    is_admin: bool,
}

#[derive(Repository)]
struct Employee {
    #[kysera(id)]
    id: i64,
    #[kysera(read_if = Principal::IS_ADMIN.holds())]
    salary: Option<i64>,
    #[kysera(write_if = Principal::IS_ADMIN.holds())]
    grade: i32,
}

fn main() {}
