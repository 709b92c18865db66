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
    let _ = users.find().filter(User::NAME.length().eq("x"));
    let _ = users.find().select(User::AGE).group_by(User::AGE).having(count().gt("x"));
    let _ = users.find().filter(User::AGE.plus("1").gt(2));
    let _ = users.find().filter(User::AGE.eq(User::NAME));
}

fn main() {}
