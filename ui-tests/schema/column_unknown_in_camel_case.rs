use kysera::prelude::*;

#[derive(Repository)]
#[kysera(table = "users", rename_all = "camelCase", schema_file = "schema/postgres.json")]
struct Row {
    #[kysera(id)]
    id: i64,
    email: String,
    name: String,
    full_age: Option<i32>,
}

fn main() {}
