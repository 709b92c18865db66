use kysera::prelude::*;
use chrono::{DateTime, Utc};

#[derive(Repository)]
#[kysera(table = "plugged", schema_file = "schema/postgres.json")]
#[kysera::plugin(soft_delete, timestamps, version)]
struct Row {
    #[kysera(id)]
    id: i64,
    version: i32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    deleted_at: Option<DateTime<Utc>>,
}

fn main() {}
