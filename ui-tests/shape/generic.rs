use kysera::prelude::*;

#[derive(Repository)]
struct User<T> {
    #[kysera(id)]
    id: i64,
    extra: T,
}

fn main() {
    let _: Option<(NewUser, UserPatch)> = None;
}
