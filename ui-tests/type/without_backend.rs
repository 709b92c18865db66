use kysera::prelude::*;

#[derive(Repository)]
struct Post {
    #[kysera(id)]
    id: i64,
    tags: Vec<String>,
}

fn stored<DB: kysera::Backend, E: kysera::entity::On<DB>>() {}

fn main() {
    stored::<Postgres, Post>();
    stored::<Sqlite, Post>();
}
