use kysera::prelude::*;

#[derive(Debug, Clone, sqlx::Type)]
#[repr(i32)]
enum Role {
    Admin = 1,
}

#[derive(Debug, Repository)]
struct User {
    #[kysera(id)]
    id: i64,
    #[kysera(filterable)]
    role: Role,
}

fn main() {
    let _ = User::query_schema();
}
