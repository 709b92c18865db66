use chrono::{DateTime, Utc};
use kysera::prelude::*;

#[derive(Repository)]
#[kysera::plugin(soft_delete)]
struct User {
    #[kysera(id)]
    id: i64,
    deleted_at: DateTime<Utc>,
}

#[derive(Repository)]
#[kysera::plugin(soft_delete(deleted_at = state))]
struct Post {
    #[kysera(id)]
    id: i64,
    state: Option<String>,
}

fn main() {}
