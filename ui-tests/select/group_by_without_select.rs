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
    let _ = users.find().group_by(User::AGE);
}

fn main() {}
