use kysera::prelude::*;
use kysera::rls::{Policy, Rules};

struct Principal;
struct Request;

#[derive(Repository)]
#[kysera::plugin(rls(context = Principal))]
struct Invoice {
    #[kysera(id)]
    id: i64,
}

impl Policy<Request> for Invoice {
    fn rules() -> Rules<Self, Request> {
        Rules::new()
    }
}

fn main() {}
