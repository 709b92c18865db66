use kysera::prelude::*;

#[derive(Repository)]
#[kysera::plugin(timestamps, version, soft_delete)]
struct User {
    #[kysera(id)]
    id: i64,
    name: String,
    version: i32,
    created_at: i64,
    updated_at: i64,
    deleted: bool,
}

fn main() {
    let new = NewUser { name: "Ada".into(), created_at: 3, deleted: false };
    println!("{}", new.version);
}
