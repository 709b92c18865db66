use kysera::prelude::*;

#[derive(Repository)]
#[kysera::plugin(
    soft_delete(deletedAt = deleted, cascades = []),
    timestamps(created = made),
    version(field = version),
    audit(sensitive)
)]
struct User {
    #[kysera(id)]
    id: i64,
    created_at: i64,
    updated_at: i64,
    version: i32,
    deleted: bool,
}

fn main() {
    let _ = NewUser {};
}
