use kysera::prelude::*;
use kysera::rls::Claims;

#[derive(Claims)]
struct Principal {
    user_id: i64,
    tenant_id: i64,
    is_admin: bool,
}

#[derive(Repository)]
#[kysera::plugin(rls(context = Principal, tenant(tenant_id)))]
struct Note {
    #[kysera(id)]
    id: i64,
    tenant_id: i64,
    text: String,
}

fn main() {
    let _ = NotePatch::new().tenant_id(1).text("");
}
