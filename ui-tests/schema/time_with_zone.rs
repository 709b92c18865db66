use kysera::prelude::*;
use chrono::{DateTime, Utc};

#[derive(Repository)]
#[kysera(table = "kinds", partial, schema_file = "schema/postgres.json")]
struct Row {
    #[kysera(id)]
    id: i64,
    local: DateTime<Utc>,
}

fn main() {}
