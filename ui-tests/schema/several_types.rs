use kysera::prelude::*;

#[derive(Repository)]
#[kysera(table = "users", schema_file = "schema/postgres.json")]
struct Row {
    #[kysera(id)]
    id: i32,
    email: Option<i64>,
    name: bool,
    bio: String,
}

fn main() {}
