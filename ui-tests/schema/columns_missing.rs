use kysera::prelude::*;

#[derive(Repository)]
#[kysera(table = "users", schema_file = "schema/postgres.json")]
struct Row {
    #[kysera(id)]
    id: i64,
}

fn main() {}
