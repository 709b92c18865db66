use kysera::prelude::*;

#[derive(Repository)]
#[kysera(table = "users", schema_file = "schema/postgres.json")]
struct Row {
    #[kysera(id)]
    id: i64,
    #[kysera(unique = "users_mail")]
    email: String,
    name: String,
}

fn main() {}
