use kysera::prelude::*;

#[derive(Repository)]
struct User {
    #[kysera(id)]
    id: i64,
    name: &str,
    text: std::borrow::Cow<'_, str>,
}

fn main() {}
