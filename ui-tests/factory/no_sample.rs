use kysera::prelude::*;

#[derive(Debug, Clone, sqlx::Type)]
#[sqlx(rename_all = "lowercase")]
pub enum Role {
    Admin,
    Guest,
}

#[derive(Debug, Repository, Factory)]
#[kysera(table = "users")]
pub struct User {
    #[kysera(id)]
    pub id: i64,
    pub role: Role,
}

fn main() {}
