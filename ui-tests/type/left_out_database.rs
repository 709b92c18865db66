use kysera::prelude::*;

#[derive(Repository)]
#[kysera(backend(Postgres))]
struct Post {
    #[kysera(id)]
    id: i64,
}

fn stored<DB: kysera::Backend, E: kysera::entity::On<DB>>() {}

fn main() {
    stored::<Sqlite, Post>();
}
