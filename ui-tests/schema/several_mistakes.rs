use kysera::prelude::*;

#[derive(Repository)]
#[kysera(table = "users", schema_file = "schema/postgres.json")]
struct Row {
    #[kysera(id, assigned)]
    id: i32,
    #[kysera(unique = "mail")]
    email: String,
    #[kysera(unique)]
    nmae: String,
    bio: String,
    #[kysera(default)]
    age: Option<i64>,
}

fn main() {}
