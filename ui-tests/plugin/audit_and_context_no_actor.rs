use kysera::prelude::*;

#[derive(Repository)]
#[kysera(context = Request)]
#[kysera::plugin(audit)]
struct User {
    #[kysera(id)]
    id: i64,
}

struct Request;

fn main() {}
