use kysera::prelude::*;

#[derive(Repository)]
struct User {
    #[kysera(id)]
    id: i64,
    name: String,
    bio: Option<String>,
    age: i32,
}

#[derive(Repository)]
struct Post {
    #[kysera(id)]
    id: i64,
    title: String,
}

fn f(users: UserRepository<Db<Sqlite>>) {
    let _ = users.find().select(Post::TITLE);
    let _ = users.find().select((User::ID, Post::TITLE));
    let _ = users.find().select(User::ID).group_by(Post::TITLE);
}

fn main() {}
