use kysera::prelude::*;
use kysera::rls::{Claims, Policy, Rules};

#[derive(Claims)]
struct Principal {
    user_id: i64,
    tenant_id: i64,
    is_admin: bool,
}

#[derive(Repository)]
#[kysera::plugin(rls(context = Principal))]
struct Invoice {
    #[kysera(id)]
    id: i64,
    owner_id: i64,
}

impl Policy<Principal> for Invoice {
    fn rules() -> Rules<Self, Principal> {
        Rules::new().owner(Invoice::OWNER_ID, Principal::USER_ID)
    }
}

#[derive(Repository)]
#[kysera(has_many(invoices = Invoice::OWNER_ID))]
struct User {
    #[kysera(id)]
    id: i64,
}

async fn read(db: &Db<Sqlite>) {
    let _ = User::repo(db).find().with(User::INVOICES).all().await;
}

fn main() {}
