use kysera::prelude::*;

#[derive(Repository)]
struct User {
    #[kysera(id)]
    id: i64,
    tags: Vec<String>,
}

fn f<S: Source<Database = Sqlite>>(find: kysera::query::Find<'_, User, S>) {
    let _ = find.select((User::ID, User::TAGS));
}

fn main() {}
