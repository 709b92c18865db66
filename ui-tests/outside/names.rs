use kysera::prelude::*;

#[derive(Debug, Repository)]
struct User {
    #[kysera(id, filterable = "name")]
    id: i64,
    #[kysera(filterable)]
    name: String,
    #[kysera(filterable = "$or")]
    a: String,
    #[kysera(sortable = "-b")]
    b: String,
    #[kysera(sortable = "")]
    c: String,
    #[kysera(sortable = "d,e")]
    d: String,
    #[kysera(sortable = "f")]
    e: String,
    #[kysera(sortable = "f")]
    f: String,
}

fn main() {
    let _ = User::query_schema();
}
