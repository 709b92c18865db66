use kysera::expr::count;
use kysera::prelude::*;

#[derive(Repository)]
struct User {
    #[kysera(id)]
    id: i64,
    name: String,
    bio: Option<String>,
    age: i32,
}

fn f(users: UserRepository<Db<Sqlite>>) {
    let _ = users.find().select((User::AGE, count())).having(count().gt(1));
}

fn main() {}
