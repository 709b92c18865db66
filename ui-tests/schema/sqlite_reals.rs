use kysera::prelude::*;

#[derive(Repository)]
#[kysera(table = "kinds", partial, schema_file = "schema/sqlite.json")]
struct Row {
    #[kysera(id)]
    id: i64,
    real: i64,
    bytes: f64,
}

fn main() {}
