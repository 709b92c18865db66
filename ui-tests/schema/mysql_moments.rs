use kysera::prelude::*;
use chrono::NaiveDate;

#[derive(Repository)]
#[kysera(table = "kinds", partial, schema_file = "schema/mysql.json")]
struct Row {
    #[kysera(id)]
    id: i64,
    moment: NaiveDate,
}

fn main() {}
