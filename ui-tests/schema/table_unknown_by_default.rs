use kysera::prelude::*;

#[derive(Repository)]
#[kysera(schema_file = "schema/postgres.json")]
struct User {
    #[kysera(id)]
    id: i64,
}

fn main() {}
