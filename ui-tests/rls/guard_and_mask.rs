use kysera::prelude::*;
use kysera::rls::Claims;

#[derive(Claims)]
struct Principal {
    user_id: i64,
    tenant_id: i64,
    is_admin: bool,
}

#[derive(Repository)]
#[kysera(context = Principal)]
struct Employee {
    #[kysera(id)]
    id: i64,
    #[kysera(read_if = Principal::IS_ADMIN.holds())]
    salary: i64,
    #[kysera(mask = "***")]
    iban: String,
    #[kysera(read_if = Principal::IS_ADMIN.holds(), mask = "***")]
    bonus: i64,
}

fn main() {}
