use kysera::prelude::*;

#[derive(Debug, Clone, sqlx::Type)]
#[sqlx(transparent)]
struct Age(i32);

#[derive(Repository)]
#[kysera(table = "users", schema_file = "schema/postgres.json")]
struct Row {
    #[kysera(id)]
    id: i64,
    email: String,
    name: String,
    age: Age,
}

fn main() {}
