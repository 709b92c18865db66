use kysera::prelude::*;

#[derive(Repository)]
#[kysera::plugin(rls(context = Principle))]
struct Invoice {
    #[kysera(id)]
    id: i64,
}

fn main() {}
