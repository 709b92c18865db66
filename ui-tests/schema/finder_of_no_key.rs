use kysera::prelude::*;

#[derive(Repository)]
#[kysera(table = "users", schema_file = "schema/postgres.json")]
struct User {
    #[kysera(id)]
    id: i64,
    email: String,
    name: String,
}

fn find(users: &UserRepository<Db<Postgres>>) {
    let _ = users.find_by_email("ada@example.org");
    let _ = users.find_by_name("Ada");
    let _ = users.find_by_email(7);
}

fn main() {}
