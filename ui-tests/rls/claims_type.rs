use kysera::Claims;

struct Session;

#[derive(Claims)]
struct Principal {
    id: i64,
    session: Session,
    sessions: Vec<Session>,
}

fn main() {}
