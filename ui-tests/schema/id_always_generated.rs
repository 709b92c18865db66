use kysera::prelude::*;

#[derive(Repository)]
#[kysera(table = "always", schema_file = "schema/postgres.json")]
struct Row {
    #[kysera(id, assigned)]
    id: i64,
    net: i32,
}

fn main() {}
