use kysera::prelude::*;

#[derive(Repository)]
#[kysera(table = "kinds", partial, schema_file = "schema/sqlite.json")]
struct Row {
    #[kysera(id)]
    id: i64,
    number: String,
}

fn main() {}
