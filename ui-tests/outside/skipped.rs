use kysera::prelude::*;

#[derive(Debug, Repository)]
struct User {
    #[kysera(id)]
    id: i64,
    #[kysera(skip, filterable)]
    name: String,
    #[kysera(skip, sortable = "old")]
    old_name: String,
}

fn main() {}
