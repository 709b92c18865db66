use kysera::prelude::*;
use chrono::NaiveDateTime;

#[derive(Repository)]
#[kysera(table = "kinds", partial, schema_file = "schema/postgres.json")]
struct Row {
    #[kysera(id)]
    id: i64,
    moment: NaiveDateTime,
}

fn main() {}
