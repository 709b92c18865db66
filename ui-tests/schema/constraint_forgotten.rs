use kysera::prelude::*;

#[derive(Repository)]
#[kysera(table = "users", schema_file = "schema/postgres.json")]
struct User {
    #[kysera(id)]
    id: i64,
    email: String,
    name: String,
}

fn told(error: &kysera::Error) -> &'static str {
    match error.violated::<UserConstraint>() {
        Some(UserConstraint::EmailKey) => "taken",
        Some(UserConstraint::PrimaryKey) => "there already",
        None => "something else",
    }
}

fn main() {}
