use kysera::prelude::*;

#[derive(Repository)]
#[kysera(table = "codes", schema_file = "schema/postgres.json")]
struct Row {
    #[kysera(id)]
    code: String,
    label: String,
}

fn main() {}
