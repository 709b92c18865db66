use kysera::prelude::*;
use chrono::{DateTime, Utc};

#[derive(Repository)]
#[kysera(table = "kinds", partial, schema_file = "schema/sqlite.json")]
struct Row {
    #[kysera(id)]
    id: i64,
    moment: DateTime<Utc>,
    label: Vec<u8>,
}

fn main() {}
