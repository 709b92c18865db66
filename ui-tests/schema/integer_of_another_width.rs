use kysera::prelude::*;

#[derive(Repository)]
#[kysera(table = "kinds", partial, schema_file = "schema/postgres.json")]
struct Row {
    #[kysera(id)]
    id: i64,
    small: i32,
}

fn main() {}
