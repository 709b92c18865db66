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
    let _ = UserPatch::new().version(3);
    let _ = UserPatch::new().name("Ada").deleted(true);
    let _ = UserPatch { name: None, updated_at: Some(3) };
}
