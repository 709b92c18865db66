use kysera::prelude::*;

#[derive(Repository)]
#[kysera(table = "members", unique(person, nick), schema_file = "schema/postgres.json")]
struct Row {
    #[kysera(id)]
    org: i64,
    #[kysera(id)]
    person: i64,
    nick: Option<String>,
}

fn main() {}
