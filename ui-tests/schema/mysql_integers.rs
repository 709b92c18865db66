use kysera::prelude::*;

#[derive(Repository)]
#[kysera(table = "kinds", partial, schema_file = "schema/mysql.json")]
struct Row {
    #[kysera(id)]
    id: i64,
    big: i32,
    count: i32,
}

fn main() {}
