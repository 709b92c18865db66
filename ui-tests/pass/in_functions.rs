//! Entities inside functions, and two of one table.
#![deny(warnings)]

use kysera::prelude::*;

#[derive(Repository)]
#[kysera(table = "users")]
struct Whole {
    #[kysera(id)]
    id: i64,
    name: String,
    bio: Option<String>,
}

#[derive(Repository)]
#[kysera(table = "users")]
struct Part {
    #[kysera(id)]
    id: i64,
    name: String,
}

fn main() {
    #[derive(Repository)]
    struct Local {
        #[kysera(id)]
        id: i64,
        name: Name,
    }

    #[derive(Clone, Debug, sqlx::Type)]
    #[sqlx(transparent)]
    struct Name(String);

    let local = Local { id: 1, name: Name("x".into()) };
    assert_eq!(local.id(), 1);
    let _ = Local::NAME.eq(local.name);
    let _ = NewLocal { name: Name("x".into()) };
    let _ = LocalPatch::new().name(Name("x".into())).name.map(|name| name.0);

    let (whole, part) = (Whole { id: 1, name: String::new(), bio: None }, Part { id: 2, name: String::new() });
    assert_eq!((whole.id(), part.id(), whole.name, part.name, whole.bio), (1, 2, String::new(), String::new(), None));
}
