use kysera::prelude::*;
use kysera::rls::Action;

#[derive(Repository)]
struct Note {
    #[kysera(id)]
    id: i64,
}

async fn may(db: Db<Sqlite>) {
    let _ = Note::repo(db).can(Action::Delete, 1).await;
}

fn main() {}
