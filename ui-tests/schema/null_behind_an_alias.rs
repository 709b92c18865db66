use kysera::prelude::*;

type Maybe = Option<String>;

#[derive(Repository)]
#[kysera(table = "users", schema_file = "schema/postgres.json")]
struct Row {
    #[kysera(id)]
    id: i64,
    email: Maybe,
    name: String,
}

fn main() {}
