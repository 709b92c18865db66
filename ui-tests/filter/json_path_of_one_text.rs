use kysera::prelude::*;

#[derive(Debug, Clone, sqlx::Type)]
#[sqlx(transparent)]
struct Settings(String);

impl kysera::expr::JsonDocument for Settings {}

#[derive(Debug, Repository)]
struct User {
    #[kysera(id)]
    id: i64,
    settings: Settings,
}

fn main() {
    let _ = User::SETTINGS.json_text("theme");
}
