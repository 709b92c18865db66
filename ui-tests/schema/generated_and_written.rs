use kysera::prelude::*;

#[derive(Repository)]
#[kysera(table = "always", schema_file = "schema/postgres.json")]
struct Row {
    #[kysera(id)]
    id: i64,
    net: i32,
    gross: Option<i32>,
}

fn main() {}
