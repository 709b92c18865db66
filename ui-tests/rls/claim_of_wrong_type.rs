use kysera::prelude::*;
use kysera::rls::Claims;

#[derive(Claims)]
struct Principal {
    user_id: i64,
    tenant_id: i64,
    is_admin: bool,
}

#[derive(Repository)]
struct Note {
    #[kysera(id)]
    id: i64,
    author: String,
}

fn mine() -> Filter<Note> {
    Note::AUTHOR.eq(Principal::USER_ID)
}

fn main() {}
