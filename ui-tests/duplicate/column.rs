use kysera::prelude::*;

#[derive(Repository)]
struct User {
    #[kysera(id)]
    id: i64,
    email: String,
    #[kysera(rename = "email")]
    mail: String,
}

fn main() {}
