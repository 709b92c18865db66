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
    let _ = users.find().select((
        User::ID, User::ID, User::ID, User::ID, User::ID, User::ID, User::ID, User::ID, User::ID,
    ));
}

fn main() {}
