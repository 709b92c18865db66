use kysera::prelude::*;

#[derive(Repository)]
#[kysera(schema_file = "schema/broken.json")]
struct User {
    #[kysera(id)]
    id: i64,
}

#[derive(Repository)]
#[kysera(schema_file = "schema/broken.json")]
struct Other {
    #[kysera(id)]
    id: i64,
}

fn main() {}
