use kysera::prelude::*;

#[derive(Repository)]
#[kysera(table = "members", schema_file = "schema/postgres.json")]
struct Row {
    #[kysera(id, assigned)]
    org: i64,
    person: i64,
}

fn main() {}
