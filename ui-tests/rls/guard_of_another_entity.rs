use kysera::prelude::*;
use kysera::rls::Claims;

#[derive(Claims)]
struct Principal {
    user_id: i64,
    tenant_id: i64,
    is_admin: bool,
}

#[derive(Repository)]
struct User {
    #[kysera(id)]
    id: i64,
}

#[derive(Repository)]
#[kysera(context = Principal)]
struct Employee {
    #[kysera(id)]
    id: i64,
    #[kysera(read_if = User::ID.eq(Principal::USER_ID))]
    salary: Option<i64>,
    #[kysera(write_if = Principal::IS_ADMIN)]
    grade: i32,
    #[kysera(write_if = Employee::ID.eq(Principal::BOSS))]
    rank: i32,
}

fn main() {}
